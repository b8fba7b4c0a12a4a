import FoundationEssentials
import Glibc

/// Whether systemd's journal listens.
enum Journal {
  /// Whether standard error goes to journald: `$JOURNAL_STREAM` then names its device and inode (systemd.exec(5)).
  static var isStandardError: Bool {
    guard let stream = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] else { return false }
    var status = stat()
    return fstat(STDERR_FILENO, &status) == 0 && stream == "\(status.st_dev):\(status.st_ino)"
  }
}
