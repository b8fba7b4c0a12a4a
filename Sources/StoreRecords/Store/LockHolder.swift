import Glibc

/// The process that holds a store's lock, as the lock file names it: a line each of pid, uid and mountpoint.
package struct LockHolder: Sendable, Hashable, CustomStringConvertible {
  package var pid: Int32
  package var uid: UInt32
  /// Where the store is mounted by it, if it is.
  package var mountpoint: String?

  package init(pid: Int32, uid: UInt32, mountpoint: String?) {
    self.pid = pid
    self.uid = uid
    self.mountpoint = mountpoint
  }

  /// This process.
  package static func current(mountpoint: String? = nil) -> LockHolder {
    LockHolder(pid: getpid(), uid: getuid(), mountpoint: mountpoint)
  }

  /// Whether it may still be at work, and is not this process.
  var isAlive: Bool { pid != getpid() && (kill(pid, 0) == 0 || errno != ESRCH) }

  init?(record: String) {
    var fields: [Substring: String] = [:]
    for line in record.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      if parts.count == 2 { fields[parts[0]] = String(parts[1]) }
    }
    guard let pid = fields["pid"].flatMap({ Int32($0) }), let uid = fields["uid"].flatMap({ UInt32($0) }) else {
      return nil
    }
    self.init(pid: pid, uid: uid, mountpoint: fields["mountpoint"])
  }

  /// What the lock file holds.
  var record: String { "pid \(pid)\nuid \(uid)\n" + (mountpoint.map { "mountpoint \($0)\n" } ?? "") }

  package var description: String {
    "process \(pid) of user \(uid)" + (mountpoint.map { ", which has it mounted at \($0)" } ?? "")
  }
}
