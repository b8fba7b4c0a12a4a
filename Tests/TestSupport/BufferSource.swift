package import WeightFormats

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
