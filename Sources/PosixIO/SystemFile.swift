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

  /// The name of a process's program as the kernel knows it, of at most 15 characters; nil if it cannot be told. Whoever runs the
  /// program chooses the name: what is no plain character is left out.
  package static func program(_ pid: Int32) -> String? {
    guard pid > 0 else { return nil }
    do throws(PosixError) {
      let name = String(decoding: try read("/proc/\(pid)/comm").filter { (0x21...0x7E).contains($0) }, as: UTF8.self)
      return name.isEmpty ? nil : name
    } catch {
      return nil
    }
  }

  /// Sets what ``program(_:)`` tells others of this process. A program that was started as /proc/self/exe is called "exe" else.
  package static func nameThisProcess(_ name: String) {
    // It is for people to read: where the system does not let it, nothing else changes.
    do throws(PosixError) { try write(name, to: "/proc/self/comm") } catch { return }
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
