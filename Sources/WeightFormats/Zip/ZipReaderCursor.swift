/// Reads little-endian integers from bytes, in order, and never beyond their end.
struct ZipReaderCursor {
  private let buffer: ArraySlice<UInt8>
  /// Index of the next byte.
  private(set) var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    buffer = bytes
    position = bytes.startIndex
  }

  init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  /// Bytes not read yet.
  var remaining: Int { buffer.endIndex - position }
  /// Whether everything has been read.
  var isAtEnd: Bool { position == buffer.endIndex }

  /// Two bytes.
  mutating func half() throws(FormatError) -> UInt16 { try integer() }
  /// Four bytes.
  mutating func word() throws(FormatError) -> UInt32 { try integer() }
  /// Eight bytes.
  mutating func long() throws(FormatError) -> UInt64 { try integer() }

  /// The next `count` bytes.
  mutating func bytes(_ count: Int) throws(FormatError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw FormatError(.malformed, "a zip header needs \(count) bytes more, but \(remaining) are left for it")
    }
    defer { position += count }
    return buffer[position..<position + count]
  }

  /// All bytes that are left.
  mutating func rest() throws(FormatError) -> ArraySlice<UInt8> { try bytes(remaining) }

  private mutating func integer<Value: FixedWidthInteger & UnsignedInteger>() throws(FormatError) -> Value {
    let width = Value.bitWidth / 8
    guard width <= remaining else {
      throw FormatError(.malformed, "a zip header needs \(width) bytes more, but \(remaining) are left for it")
    }
    var value: Value = 0
    for index in (0..<width).reversed() { value = value << 8 | Value(buffer[position + index]) }
    position += width
    return value
  }
}
