/// Reads the fields of a message of protocol buffers (protobuf.dev, "Encoding") one after the other.
///
/// The bytes may be anybody's: a length beyond the end, a number of more than 64 bits, and groups, which no message
/// here has, are refused. Nothing is copied before it is known to be there.
struct ProtocolBuffer {
  /// What a field holds, by its wire type.
  enum Value {
    /// Wire type 0.
    case varint(UInt64)
    /// Wire type 1.
    case fixed64(UInt64)
    /// Wire type 2: a text, bytes or a message.
    case bytes(ArraySlice<UInt8>)
    /// Wire type 5.
    case fixed32(UInt32)
  }

  private let bytes: ArraySlice<UInt8>
  /// Of the file, for messages.
  let name: String
  /// Offset in the file of what is read next.
  private(set) var position: Int

  /// - Parameter bytes: of the message; a part of the file's, so that offsets are the file's.
  init(_ bytes: ArraySlice<UInt8>, of name: String) {
    self.bytes = bytes
    self.name = name
    position = bytes.startIndex
  }

  /// The next field; nil at the end.
  ///
  /// - Throws: ``Withheld``, saying what is wrong where.
  mutating func next() throws(Withheld) -> (field: UInt64, value: Value)? {
    guard position < bytes.endIndex else { return nil }
    let start = position
    let tag = try varint()
    let field = tag >> 3
    guard (1..<1 << 29).contains(field) else { throw damaged("field \(field), and no such number is allowed", start) }
    switch tag & 7 {
    case 0: return (field, .varint(try varint()))
    case 1: return (field, .fixed64(try fixed(8)))
    case 2:
      let count = try varint()
      guard count <= UInt64(bytes.endIndex - position) else {
        throw damaged("field \(field) of \(count) bytes, and \(bytes.endIndex - position) are left", start)
      }
      let end = position + Int(count)
      defer { position = end }
      return (field, .bytes(bytes[position..<end]))
    case 5: return (field, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw damaged("field \(field) of wire type \(tag & 7), which is not read", start)
    }
  }

  /// What is to be said of a field that is not as it should be.
  func damaged(_ found: String, _ offset: Int) -> Withheld {
    Withheld("\(name) is no model of SentencePiece: at offset \(offset) there is \(found)")
  }

  /// Seven bits in a byte, the lowest first; the last byte is less than 128.
  private mutating func varint() throws(Withheld) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < bytes.endIndex else { throw damaged("the beginning of a number, and then the end", start) }
      let byte = bytes[position]
      position += 1
      guard shift < 63 || byte <= 1 else { break }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw damaged("a number of more than 64 bits", start)
  }

  /// Bytes of a number, little-endian.
  private mutating func fixed(_ count: Int) throws(Withheld) -> UInt64 {
    guard count <= bytes.endIndex - position else {
      throw damaged("a number of \(count) bytes, and \(bytes.endIndex - position) are left", position)
    }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
    position += count
    return value
  }
}
