package import Crypto

/// A SHA-256 digest.
package struct Digest: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// Digest of `bytes`.
  package init(of bytes: some Sequence<UInt8>) {
    var hasher = SHA256()
    let hashed: Void? = bytes.withContiguousStorageIfAvailable { buffer in
      hasher.update(bufferPointer: UnsafeRawBufferPointer(buffer))
    }
    if hashed == nil { hasher.update(data: Array(bytes)) }
    self.init(hasher.finalize())
  }

  /// Takes over what swift-crypto computed.
  package init(_ digest: SHA256Digest) {
    words = digest.withUnsafeBytes { bytes in
      func word(_ index: Int) -> UInt64 {
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
      }
      return (word(0), word(1), word(2), word(3))
    }
  }

  /// Takes over 32 bytes that were a digest's ``bytes``; nil for another number of bytes.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    var values: [UInt64] = [0, 0, 0, 0]
    for (index, byte) in bytes.enumerated() { values[index / 8] = values[index / 8] << 8 | UInt64(byte) }
    words = (values[0], values[1], values[2], values[3])
  }

  /// Parses 64 lower-case hexadecimal digits; nil for anything else.
  package init?(hexadecimal text: some StringProtocol) { self.init(digits: Array(text.utf8)) }

  /// Parses 64 lower-case hexadecimal digits, as ASCII; nil for anything else.
  package init?(digits: [UInt8]) { self.init(digits: digits.span) }

  /// Parses 64 lower-case hexadecimal digits, as ASCII; nil for anything else.
  package init?(digits: Span<UInt8>) {
    guard digits.count == 64 else { return nil }
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    for index in digits.indices {
      let byte = digits[index]
      let digit: UInt64
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte - UInt8(ascii: "a") + 10)
      default: return nil
      }
      // Four bits move up, through all words.
      words = (
        words.0 << 4 | words.1 >> 60, words.1 << 4 | words.2 >> 60, words.2 << 4 | words.3 >> 60, words.3 << 4 | digit
      )
    }
    self.words = words
  }

  /// The 32 bytes, in order.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  /// Appends the 32 bytes, in order.
  package func append(to bytes: inout [UInt8]) {
    let ordered = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
    withUnsafeBytes(of: ordered) { bytes.append(contentsOf: $0) }
  }

  /// The first eight bytes as a number: enough to tell contents of one file apart.
  package var prefix: UInt64 { words.0 }

  /// 64 lower-case hexadecimal digits.
  package var hexadecimal: String {
    var text: [UInt8] = []
    appendHexadecimal(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends the 64 lower-case hexadecimal digits.
  package func appendHexadecimal(to text: inout [UInt8]) {
    func character(_ digit: UInt8) -> UInt8 { digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit }
    let ordered = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
    withUnsafeBytes(of: ordered) { bytes in
      withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { digits in
        for (index, byte) in bytes.enumerated() {
          digits[2 * index] = character(byte >> 4)
          digits[2 * index + 1] = character(byte & 15)
        }
        text.append(contentsOf: digits)
      }
    }
  }

  package var description: String { hexadecimal }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let digest = Digest(hexadecimal: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected 64 hexadecimal digits")
    }
    self = digest
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hexadecimal)
  }

  package static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }
  package static func < (a: Digest, b: Digest) -> Bool { a.words < b.words }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}
