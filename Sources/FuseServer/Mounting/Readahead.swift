import Glibc
import Logging
import PosixIO
import SystemPackage

/// The kernel's readahead on a mount, which INIT can only lower.
enum Readahead {
  /// KiB; twice the longest READ, so that one is under way while another is answered.
  private static let kibibytes = 1024

  /// Raises the readahead of the mount on `device` (`major:minor`), if this process may: that takes root.
  static func raise(device: String, logger: Logger) {
    guard geteuid() == 0, device.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ":") }) else { return }
    do throws(PosixError) {
      try SystemFile.write("\(kibibytes)", to: "/sys/class/bdi/\(device)/read_ahead_kb")
    } catch {
      logger.debug("readahead stays at the default: \(error)")
    }
  }
}
