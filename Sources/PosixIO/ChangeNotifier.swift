import Glibc
import SystemPackage

/// Wakes its user when files or folders change, whoever changes them on this machine: `inotify(7)`.
package final class ChangeNotifier: Sendable {
  /// What of a file or folder wakes.
  package enum Change: Sendable {
    /// Bytes of a file.
    case bytes
    /// Names in a folder.
    case names
  }

  private let descriptor: CInt

  package init() throws(PosixError) {
    descriptor = try systemCall("inotify_init1", "inotify") { inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK)) }
  }

  deinit { _ = Glibc.close(descriptor) }

  /// Lets changes of what is at `path` now wake. Doing so again changes nothing.
  package func watch(_ path: String, for change: Change) throws(PosixError) {
    let mask =
      switch change {
      case .bytes: UInt32(IN_MODIFY)
      case .names: UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO)
      }
    try systemCall("inotify_add_watch", path) { inotify_add_watch(descriptor, path, mask) }
  }

  /// Waits until something has changed, at most for `limit`; a signal ends the wait, too.
  ///
  /// - Returns: whether something has changed since the last call.
  package func wait(limit: Duration) throws(PosixError) -> Bool {
    var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let milliseconds = CInt(clamping: Int(max(0, limit / .milliseconds(1)).rounded(.up)))
    guard poll(&polled, 1, milliseconds) > 0 else { return false }
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    // What has changed does not matter: whoever is woken looks.
    while Glibc.read(descriptor, &buffer, buffer.count) > 0 {}
    return true
  }
}
