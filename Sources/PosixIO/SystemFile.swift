import Glibc
import SystemPackage

/// Files of /proc, /sys and /etc: they are small, and those of /proc and /sys have no size.
package enum SystemFile {
  /// Reads a whole file.
  package static func read(_ path: String) throws(PosixError) -> [UInt8] {
    let descriptor = try systemCall("open", path) { open(path, O_RDONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while true {
      let chunk = try [UInt8](upTo: 16384) { (buffer) throws(PosixError) in
        try systemCall("read", path) { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
      }
      if chunk.isEmpty { return bytes }
      bytes += chunk
    }
  }

  /// Writes to an existing file in one call, which is how such files take a value.
  package static func write(_ text: String, to path: String) throws(PosixError) {
    let descriptor = try systemCall("open", path) { open(path, O_WRONLY | O_CLOEXEC) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    let count = try systemCall("write", path) { Glibc.write(descriptor, bytes, bytes.count) }
    guard count == bytes.count else { throw PosixError(.ioError, call: "write", path: path) }
  }
}
