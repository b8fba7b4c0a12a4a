import CPosix
import Glibc

/// A pipe between this process and a child. Its ends are closed with it.
package final class ChildPipe {
  /// Where bytes come out.
  package let readEnd: CInt
  /// Where bytes go in; -1 once it is closed.
  package private(set) var writeEnd: CInt

  /// Makes the pipe: `pipe2(2)`. No program inherits it unless it is handed over.
  package init() throws(PosixError) {
    var ends: [CInt] = [-1, -1]
    try systemCall("pipe2", "a pipe") { tantra_pipe(&ends) }
    (readEnd, writeEnd) = (ends[0], ends[1])
  }

  deinit {
    close(readEnd)
    closeWriteEnd()
  }

  /// Closes this process's write end. Call it when a child has one: the pipe ends when the last write end is closed.
  package func closeWriteEnd() {
    if writeEnd >= 0 { close(writeEnd) }
    writeEnd = -1
  }

  /// Waits for the next bytes, at most `limit`; nil at the end.
  package func read(upTo limit: Int = 4096) throws(PosixError) -> [UInt8]? {
    let bytes = try [UInt8](upTo: limit) { (buffer) throws(PosixError) in
      try systemCall("read", "a pipe") { Glibc.read(readEnd, buffer.baseAddress, buffer.count) }
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// Writes all of `bytes`, and waits where the pipe is full.
  package func write(_ bytes: [UInt8]) throws(PosixError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = try systemCall("write", "a pipe") {
        rest.withUnsafeBytes { Glibc.write(writeEnd, $0.baseAddress, $0.count) }
      }
      rest = rest.dropFirst(count)
    }
  }
}
