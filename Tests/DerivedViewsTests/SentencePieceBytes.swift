/// Writes bytes of protocol buffers, right or wrong ones.
enum SentencePieceBytes {
  static func varint(_ number: UInt64) -> [UInt8] {
    var (bytes, rest): ([UInt8], UInt64) = ([], number)
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  static func field(_ number: UInt64, _ value: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(UInt64(value.count)) + value
  }

  static func field(_ number: UInt64, _ value: UInt64) -> [UInt8] { varint(number << 3) + varint(value) }

  /// A piece of a model: its text, its score, and its type.
  static func piece(_ text: String, _ score: Float = 0, type: UInt64? = nil) -> [UInt8] {
    let bits = withUnsafeBytes(of: score.bitPattern.littleEndian, Array.init)
    return field(1, field(1, Array(text.utf8)) + [2 << 3 | 5] + bits + (type.map { field(3, $0) } ?? []))
  }

  static let pieces = [
    piece("<unk>", type: 2), piece("<s>", type: 3), piece("</s>", type: 3), piece("▁a", -1.5), piece("b", -2, type: 4),
    piece("<x>", type: 5),
  ]

  /// What a trainer and a normalizer were told, which is not read, but for byte_fallback.
  static let specifications =
    field(2, field(3, UInt64(2)) + field(4, UInt64(8)) + field(35, UInt64(0)))
    + field(3, field(1, Array("identity".utf8)))

  static let model = pieces.flatMap(\.self) + specifications
}
