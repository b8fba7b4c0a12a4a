import Glibc
import PosixIO
import SystemPackage

/// A new file that is written as cp writes one. Closing it is a step of its own, since a mount works then.
final class FileWriter {
  private let path: String
  private var descriptor: CInt

  /// Makes the file.
  init(_ path: String) throws(PosixError) {
    self.path = path
    descriptor = try systemCall("open", path) { open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644) }
  }

  deinit { if descriptor >= 0 { _ = Glibc.close(descriptor) } }

  /// Appends all of another file, 128 KiB at a time as coreutils do.
  func copy(_ source: String, unless stop: StopCheck) throws {
    let source = try OpenedFile.open(source)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 4096)
    defer { buffer.deallocate() }
    var offset = 0
    while true {
      try stop()
      let count = try source.read(at: offset, into: buffer)
      if count == 0 { return }
      var done = 0
      while done < count {
        done += try systemCall("write", path) { write(descriptor, buffer.baseAddress.map { $0 + done }, count - done) }
      }
      offset += count
    }
  }

  /// Closes the file.
  ///
  /// - Throws: what close(2) says.
  func close() throws(PosixError) {
    let closing = descriptor
    descriptor = -1
    // Not by systemCall: a descriptor is gone whatever close(2) answers.
    if Glibc.close(closing) != 0 { throw PosixError(Errno(rawValue: errno), call: "close", path: path) }
  }
}
