import PosixIO

/// Random access to the bytes of a weight file: a file, a buffer in a test, or a view that exists only as a layout.
///
/// Parsers read headers and directories through it, never tensor data, and never assume that what they read is valid.
package protocol ByteSource: Sendable {
  /// Size in bytes.
  var byteCount: Int { get }

  /// Fills `buffer` from `offset`.
  ///
  /// - Throws: `FormatError.truncated` if the range is not wholly inside, `FormatError.unreadable` if the system cannot
  ///   read it.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FormatError)
}

extension ByteSource {
  /// The `count` bytes at `offset`; `what` names them in the error if they lie outside.
  package func bytes(at offset: Int, count: Int, what: String) throws(FormatError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw FormatError(.truncated, "\(what) needs \(count) bytes at offset \(offset), but the file has \(byteCount)")
    }
    return try [UInt8](upTo: count) { (buffer) throws(FormatError) in
      try read(at: offset, into: buffer)
      return count
    }
  }
}
