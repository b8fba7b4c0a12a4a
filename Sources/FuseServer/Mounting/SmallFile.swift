import Glibc

/// Files of /proc, /sys and /etc, which are small and have no size.
enum SmallFile {
  /// Reads a whole file. Throws ``MountError/systemResource(_:errno:)``.
  static func read(_ path: String) throws(MountError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .systemResource("\(path) cannot be opened", errno: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes += chunk.prefix(count)
      } else if count == 0 {
        return bytes
      } else if errno != EINTR {
        throw .systemResource("\(path) cannot be read", errno: errno)
      }
    }
  }

  /// Writes to an existing file in one call: 0, or the errno.
  static func write(_ text: String, to path: String) -> CInt {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    return count == bytes.count ? 0 : (count < 0 ? errno : EIO)
  }
}
