import Glibc
package import Logging

/// The folder to mount on.
package enum Mountpoint {
  /// Makes `path` ready to be mounted on, and returns it absolute and free of links.
  ///
  /// Detaches a mount of ours there whose daemon is dead, makes the folder if it is missing, and refuses one that is
  /// mounted, not a directory, not empty or (for an ordinary user) not writable.
  package static func prepare(_ path: String, logger: Logger) throws(MountError) -> String {
    var resolved = try resolve(path)
    // Before anything looks at the folder: looking at a dead mount fails, at a hanging one hangs.
    while let mount = try MountTable.current().top(at: resolved), mount.isTantra {
      guard try MountHealth.probe(resolved) == .dead else {
        throw .alreadyMounted(resolved, ownerUID: mount.ownerUID)
      }
      do throws(UnmountError) {
        try Unmounter.detach(resolved)
      } catch {
        throw .cannotRecover(resolved, reason: error.description)
      }
      logger.notice("detached what a dead daemon left", metadata: ["mountpoint": "\(resolved)"])
    }
    try make(resolved)
    resolved = try realPath(resolved)
    if let mount = try MountTable.current().top(at: resolved), mount.isTantra {
      throw .alreadyMounted(resolved, ownerUID: mount.ownerUID)
    }
    try requireEmptyDirectory(resolved)
    if geteuid() != 0, access(resolved, W_OK) != 0 { throw .mountpointNotWritable(resolved) }
    return resolved
  }

  /// The path as the mount table has it, without looking at its last component, which may be a dead mount.
  ///
  /// Throws ``MountError/cannotReadMountpoint(_:errno:)``.
  package static func resolve(_ path: String) throws(MountError) -> String {
    guard !path.isEmpty, !path.utf8.contains(0) else { throw .cannotReadMountpoint(path, errno: ENOENT) }
    var components = path.split(separator: "/").filter { $0 != "." }
    // `..` has to be resolved by the kernel, as what it leaves may be a link.
    guard let last = components.popLast(), last != ".." else { return try realPath(path) }
    let parent = (path.hasPrefix("/") ? "/" : "") + components.joined(separator: "/")
    guard let folder = existingPath(parent.isEmpty ? "." : parent) else {
      // A missing parent cannot have a mount below it; it is made later, where it was asked for.
      return path.hasPrefix("/") ? path : try realPath(".") + "/" + path
    }
    return folder == "/" ? "/\(last)" : "\(folder)/\(last)"
  }

  private static func realPath(_ path: String) throws(MountError) -> String {
    guard let resolved = existingPath(path) else { throw .cannotReadMountpoint(path, errno: errno) }
    return resolved
  }

  private static func existingPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(validatingCString: resolved)
  }

  /// Makes the folder and what is missing above it.
  private static func make(_ path: String) throws(MountError) {
    var prefix = ""
    for component in path.split(separator: "/") {
      let parent = prefix
      prefix += "/" + component
      guard mkdir(prefix, 0o755) != 0 else { continue }
      // Where the folder is there already, mkdir may say so, or that making it would not be allowed.
      let code = errno
      if access(prefix, F_OK) == 0 { continue }
      throw code == ENOTDIR ? .notADirectory(parent) : .cannotMakeMountpoint(path, errno: code)
    }
  }

  private static func requireEmptyDirectory(_ path: String) throws(MountError) {
    guard let folder = opendir(path) else {
      throw errno == ENOTDIR ? .notADirectory(path) : .cannotReadMountpoint(path, errno: errno)
    }
    defer { closedir(folder) }
    errno = 0
    var entries = 0
    while readdir(folder) != nil {
      entries += 1
      // `.` and `..` are always there.
      if entries > 2 { throw .notEmpty(path) }
    }
    if errno != 0 { throw .cannotReadMountpoint(path, errno: errno) }
  }
}
