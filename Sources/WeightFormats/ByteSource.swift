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

/// Bytes in memory.
package struct BufferSource: ByteSource {
  private let buffer: [UInt8]

  package init(_ bytes: [UInt8]) { buffer = bytes }

  package var byteCount: Int { buffer.count }

  package func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(FormatError) {
    guard offset >= 0, offset <= buffer.count, target.count <= buffer.count - offset else {
      throw FormatError(.truncated, "expected \(target.count) bytes at offset \(offset), found \(buffer.count) in all")
    }
    buffer.withUnsafeBytes { bytes in
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + target.count]))
    }
  }
}
