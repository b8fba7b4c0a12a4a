import Glibc
import SystemPackage

/// An open directory that everything below is reached from by name (`openat(2)`), never following a symbolic link.
package final class Folder: Sendable {
  let descriptor: FileDescriptor
  /// Where it was opened, for messages and for handing to other programs.
  package let path: String

  private init(descriptor: CInt, path: String) {
    self.descriptor = FileDescriptor(rawValue: descriptor)
    self.path = path
  }

  deinit { _ = Glibc.close(descriptor.rawValue) }

  /// Opens the directory at `path`, following symbolic links on the way.
  package static func open(_ path: String) throws(PosixError) -> Folder {
    let raw = try systemCall("open", path) { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    return Folder(descriptor: raw, path: path)
  }

  /// Opens the directory at `path`, after making it and its missing ancestors durably.
  package static func make(_ path: String) throws(PosixError) -> Folder {
    do throws(PosixError) {
      return try open(path)
    } catch  where error.errno == .noSuchFileOrDirectory {
      let path = FilePath(path)
      guard let name = path.lastComponent?.string else { throw error }
      let parent = path.removingLastComponent()
      return try make(parent.isEmpty ? "." : parent.string).makeFolder(name)
    }
  }

  /// Makes a directory of its own in `parent`, which no one else has: `mkdtemp(3)`.
  ///
  /// - Parameter prefix: what its name begins with.
  /// - Returns: its path.
  package static func makeTemporary(in parent: String, prefix: String) throws(PosixError) -> String {
    var template = Array("\(parent)/\(prefix)XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw PosixError(Errno(rawValue: errno), call: "mkdtemp", path: parent)
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func child(_ name: String) -> String { path + "/" + name }

  /// Opens the directory `name` in this one.
  package func folder(_ name: String) throws(PosixError) -> Folder {
    let raw = try systemCall("openat", child(name)) {
      openat(descriptor.rawValue, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }
    return Folder(descriptor: raw, path: child(name))
  }

  /// Opens the directory `name`, made first (durably) if it is missing.
  package func makeFolder(_ name: String) throws(PosixError) -> Folder {
    do throws(PosixError) {
      try durableCall("mkdirat", child(name)) { mkdirat(descriptor.rawValue, name, 0o755) }
      try synchronize()
    } catch  where error.errno == .fileExists {
      // Somebody else, or an earlier attempt, has made it.
    }
    return try folder(name)
  }

  /// Opens the regular file `name` for reading; anything else there is `EINVAL`.
  package func file(_ name: String) throws(PosixError) -> OpenedFile {
    let raw = try systemCall("openat", child(name)) {
      openat(descriptor.rawValue, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }
    let file = OpenedFile(descriptor: FileDescriptor(rawValue: raw), path: child(name))
    guard try file.status().kind == .regular else {
      throw PosixError(.invalidArgument, call: "openat", path: child(name))
    }
    return file
  }

  /// Opens `name` for reading and writing, made if missing; `exclusively` refuses an existing one with `EEXIST`.
  ///
  /// - Parameter permissions: of a file that is made, less the umask.
  package func makeFile(
    _ name: String, exclusively: Bool, permissions: UInt32 = 0o644
  ) throws(PosixError) -> OpenedFile {
    let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (exclusively ? O_EXCL : 0)
    let raw = try durableCall("openat", child(name)) { openat(descriptor.rawValue, name, flags, permissions) }
    return OpenedFile(descriptor: FileDescriptor(rawValue: raw), path: child(name))
  }

  /// Opens the file `name`, which is there, for reading and writing.
  package func fileForWriting(_ name: String) throws(PosixError) -> OpenedFile {
    let raw = try durableCall("openat", child(name)) {
      openat(descriptor.rawValue, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
    }
    return OpenedFile(descriptor: FileDescriptor(rawValue: raw), path: child(name))
  }

  /// `fstatat(2)` of `name` itself, not of what it points to; nil if there is nothing of that name.
  package func status(of name: String) throws(PosixError) -> FileStatus? {
    var result = stat()
    do throws(PosixError) {
      try systemCall("fstatat", child(name)) { fstatat(descriptor.rawValue, name, &result, AT_SYMLINK_NOFOLLOW) }
    } catch  where error.errno == .noSuchFileOrDirectory {
      return nil
    }
    return FileStatus(result)
  }

  /// Names in this directory, `.` and `..` left out, in no order. Names that are not UTF-8 are left out too: nothing that
  /// Tantra writes has one.
  package func names() throws(PosixError) -> [String] {
    // A second descriptor, so that concurrent listings do not share a position.
    let raw = try systemCall("openat", path) {
      openat(descriptor.rawValue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard let stream = fdopendir(raw) else {
      let code = errno
      _ = Glibc.close(raw)
      throw PosixError(Errno(rawValue: code), call: "fdopendir", path: path)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw PosixError(Errno(rawValue: errno), call: "readdir", path: path) }
        return names
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let name, name != ".", name != ".." { names.append(name) }
    }
  }

  /// Moves `name` to `newName` in `target`, replacing what is there. Atomic; durable once `target` is synchronized.
  package func rename(_ name: String, to newName: String, in target: Folder) throws(PosixError) {
    try durableCall("renameat", target.child(newName)) {
      renameat(descriptor.rawValue, name, target.descriptor.rawValue, newName)
    }
  }

  /// Gives the file `name` a second name in `target`: `linkat(2)`.
  package func link(_ name: String, as newName: String, in target: Folder) throws(PosixError) {
    try durableCall("linkat", target.child(newName)) {
      linkat(descriptor.rawValue, name, target.descriptor.rawValue, newName, 0)
    }
  }

  /// Makes a symbolic link.
  ///
  /// - Parameter target: where it leads, without the 0 at the end.
  package func makeSymbolicLink(_ name: String, target: [UInt8]) throws(PosixError) {
    let text = target.map { CChar(bitPattern: $0) } + [0]
    try durableCall("symlinkat", child(name)) { symlinkat(text, descriptor.rawValue, name) }
  }

  /// Gives the file or link `name` itself another mtime, in nanoseconds since 1970.
  package func setModified(_ time: Int64, of name: String) throws(PosixError) {
    let (seconds, rest) = UnixTime.parts(of: time)
    let modified = timespec(tv_sec: seconds, tv_nsec: rest)
    try durableCall("utimensat", child(name)) {
      utimensat(descriptor.rawValue, name, [modified, modified], AT_SYMLINK_NOFOLLOW)
    }
  }

  /// Removes the file `name`; nothing there is no error.
  package func removeFile(_ name: String) throws(PosixError) {
    do throws(PosixError) {
      try durableCall("unlinkat", child(name)) { unlinkat(descriptor.rawValue, name, 0) }
    } catch  where error.errno == .noSuchFileOrDirectory {
      return
    }
  }

  /// Forces the directory's names to disk.
  package func synchronize() throws(PosixError) {
    try durableCall("fsync", path) { fsync(descriptor.rawValue) }
  }

  package func volume() throws(PosixError) -> VolumeStatus { try VolumeStatus(of: descriptor, path: path) }
}
