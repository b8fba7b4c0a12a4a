import Glibc
import PosixIO

/// A new file that is written as cp writes one, with the close apart, since a mount works then.
final class FileWriter {
  private let path: String
  private var descriptor: CInt

  /// Makes the file.
  init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw failure() }
  }

  deinit { if descriptor >= 0 { _ = Glibc.close(descriptor) } }

  private func failure() -> CommandFailure {
    CommandFailure(.inputOutput, "\(path): \(String(cString: strerror(errno)))")
  }

  /// Appends all of another file, 128 KiB at a time as coreutils do.
  func copy(_ source: String) throws {
    let source = try OpenedFile.open(source)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 4096)
    defer { buffer.deallocate() }
    var offset = 0
    while true {
      try Interruption.check()
      let count = try source.read(at: offset, into: buffer)
      if count == 0 { return }
      var done = 0
      while done < count {
        let written = write(descriptor, buffer.baseAddress.map { $0 + done }, count - done)
        if written < 0, errno != EINTR { throw failure() }
        done += max(0, written)
      }
      offset += count
    }
  }

  /// Closes the file; throws what close(2) says.
  func close() throws {
    let closing = descriptor
    descriptor = -1
    if Glibc.close(closing) != 0 { throw failure() }
  }
}
