import CFuse
import Glibc

/// Why a mount could not be taken down.
package enum UnmountError: Error, Hashable, Sendable, CustomStringConvertible {
  case notMounted(String)
  /// Something else than a mount of ours is mounted there.
  case notTantra(String, type: String)
  /// Files or folders in it are in use.
  case busy(String)
  /// Its daemon does not answer. It would keep the store's lock without a mount.
  case unresponsive(String)
  case fusermountMissing
  case failed(String, reason: String)

  package var description: String {
    switch self {
    case .notMounted(let path): "Nothing is mounted on \(path)."
    case .notTantra(let path, let type): "What is mounted on \(path) is \(type), not \(MountTable.type)."
    case .busy(let path):
      "\(path) is in use: programs have files or folders in it open (fuser -vm \(path) names them). "
        + "End them, or unmount lazily (--lazy): then the mount goes at once, and what is open is served until it is closed."
    case .unresponsive(let path):
      "The daemon of \(path) does not answer: it hangs, or somebody has stopped it. Let it go on (kill -CONT), or unmount "
        + "lazily (--lazy): then the mount goes at once, and the store is free when the daemon has ended."
    case .fusermountMissing: "fusermount3 is missing, without which only root can unmount. Install the package fuse3."
    case .failed(let path, let reason): "\(path) could not be unmounted: \(reason)"
    }
  }
}

/// Takes mounts of ours down.
package enum Unmounter {
  /// How long a daemon may take to end after its mount is gone.
  private static let patience = Duration.seconds(10)

  /// Unmounts `path`, and waits until its daemon has ended: then whatever it held is free. With `lazily` it goes from the tree
  /// at once, even if in use, files that are open stay readable as long as its daemon serves, and nobody waits for that. A daemon
  /// that does not answer could not be waited for: its mount goes lazily only.
  ///
  /// - Returns: the daemon's process, if it has not ended after ten seconds.
  @discardableResult
  package static func unmount(_ path: String, lazily: Bool = false) throws(UnmountError) -> CInt? {
    let mountpoint: String
    let mount: MountEntry?
    do throws(MountError) {
      mountpoint = try Mountpoint.resolve(path)
      mount = try Self.mount(at: mountpoint, or: path)
    } catch {
      throw .failed(path, reason: error.description)
    }
    guard let mount else { throw .notMounted(mountpoint) }
    guard mount.isTantra else { throw .notTantra(mount.mountpoint, type: mount.type) }
    guard !lazily else {
      try detach(mount.mountpoint)
      return nil
    }
    let daemon = try ServingProcess(of: mount.mountpoint)
    try detach(mount.mountpoint, lazily: false)
    guard let daemon, !daemon.waitForEnd(limit: Self.patience) else { return nil }
    return daemon.number
  }

  /// The mount at a path, whose last component may be a link to the mountpoint.
  private static func mount(at resolved: String, or path: String) throws(MountError) -> MountEntry? {
    let table = try MountTable.current()
    if let mount = table.top(at: resolved) { return mount }
    guard let target = realpath(path, nil) else { return nil }
    defer { free(target) }
    return String(validatingCString: target).flatMap { table.top(at: $0) }
  }

  /// Detaches what is mounted on an absolute path: as root by umount2(2), for others through fusermount3.
  ///
  /// Any command may be asking the mount who it is, which keeps a file of it open for an instant: that is waited for.
  static func detach(_ mountpoint: String, lazily: Bool = true) throws(UnmountError) {
    for _ in 0..<10 {
      do throws(UnmountError) { return try detachNow(mountpoint, lazily: lazily) } catch .busy { usleep(50_000) }
    }
    try detachNow(mountpoint, lazily: lazily)
  }

  private static func detachNow(_ mountpoint: String, lazily: Bool) throws(UnmountError) {
    let code = -cfuse_unmount(mountpoint, lazily)
    switch code {
    case 0: return
    case EBUSY: throw .busy(mountpoint)
    case EINVAL, ENOENT: throw .notMounted(mountpoint)
    case EPERM: try Fusermount.unmount(mountpoint, lazily: lazily)
    default: throw .failed(mountpoint, reason: MountError.text(code))
    }
  }
}
