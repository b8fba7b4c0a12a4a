import CFuse
import Glibc

/// A pipe whose ends are closed with it.
package final class ChildPipe {
  package let readEnd: CInt
  package private(set) var writeEnd: CInt

  package init() throws(HelperProgram.Failure) {
    var ends: (CInt, CInt) = (-1, -1)
    let code = withUnsafeMutableBytes(of: &ends) { cfuse_pipe($0.baseAddress?.assumingMemoryBound(to: CInt.self)) }
    guard code == 0 else { throw HelperProgram.Failure(errno: -code) }
    (readEnd, writeEnd) = ends
  }

  deinit {
    close(readEnd)
    closeWriteEnd()
  }

  /// Leaves the writing to the child, so that its end is seen.
  package func closeWriteEnd() {
    if writeEnd >= 0 { close(writeEnd) }
    writeEnd = -1
  }

  /// The next bytes; nil at the end.
  package func read() -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(readEnd, $0.baseAddress, $0.count) }
      if count > 0 { return Array(chunk.prefix(count)) }
      if count == 0 || errno != EINTR { return nil }
    }
  }
}
