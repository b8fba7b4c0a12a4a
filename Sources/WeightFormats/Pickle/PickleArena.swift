/// What a pickle's numbers and texts are, one record after the other. References are offsets of records.
///
///     integer: count (1 byte), little-endian two's complement
///     float:   8 bytes, big-endian
///     text:    UTF-8 bytes (8), place in the file (8), Latin-1 characters (8), then the bytes, or the first 256 of a long text
///     bytes:   encoding (1), bytes (8), place in the file (8), bytes there (8), the byte itself if there is one only (1)
///
/// Places are -1 if what is meant does not stand in the file as it is.
struct PickleArena: Sendable {
  /// Bytes of a text that are kept. No name and no key of a weight file is longer.
  static let textLimit = 1 << 20
  private static let longTextPrefix = 256
  static let textHeader = 24
  static let bytesRecord = 26
  /// Marks a text that has characters beyond U+00FF, or was not counted.
  private static let notLatin1: UInt64 = .max

  private(set) var records: [UInt8] = []

  /// Makes room for what is to come, so that nothing is copied to grow.
  mutating func reserve(_ byteCount: Int) { records.reserveCapacity(byteCount) }

  private mutating func append(_ value: UInt64) { records.append(littleEndian: value) }

  private func word(_ offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(records[offset + $1]) << (8 * UInt64($1)) }
  }

  // MARK: Numbers

  /// Adds an integer of at most 255 digits of two's complement; returns its offset.
  mutating func add(integer digits: some Collection<UInt8>) -> Int {
    let offset = records.count
    records.append(UInt8(truncatingIfNeeded: digits.count))
    records.append(contentsOf: digits)
    return offset
  }

  /// Adds the eight bytes of a float.
  mutating func add(float bytes: some Collection<UInt8>) -> Int {
    let offset = records.count
    records.append(contentsOf: bytes)
    return offset
  }

  func float(at offset: Int) -> Double {
    Double(bitPattern: (0..<8).reduce(0 as UInt64) { $0 << 8 | UInt64(records[offset + $1]) })
  }

  /// The integer, or its digits if it does not fit 64 bits.
  func integer(at offset: Int) -> PickleValue {
    let range = offset + 1..<offset + 1 + Int(records[offset])
    let digits = records[range]
    let isNegative = digits.last.map { $0 >= 0x80 } ?? false
    var value: UInt64 = isNegative ? .max : 0
    for byte in digits.prefix(8).reversed() { value = value << 8 | UInt64(byte) }
    let integer = Int64(bitPattern: value)
    guard digits.dropFirst(8).allSatisfy({ $0 == (isNegative ? 0xFF : 0) }), (integer < 0) == isNegative else {
      return .wideInteger(PickleText(range))
    }
    return .integer(Int(integer))
  }

  // MARK: Texts

  /// Adds a text that is kept as a whole.
  mutating func add(text: some Collection<UInt8>, fileOffset: Int?) -> Int {
    let offset = records.count
    append(UInt64(text.count))
    append(UInt64(bitPattern: Int64(fileOffset ?? -1)))
    append(Self.notLatin1)
    records.append(contentsOf: text)
    return offset
  }

  /// Adds a long text, of which only the beginning is kept.
  mutating func add(longText start: some Collection<UInt8>, count: Int, fileOffset: Int?, latin1Count: Int?) -> Int {
    let offset = records.count
    append(UInt64(count))
    append(UInt64(bitPattern: Int64(fileOffset ?? -1)))
    append(latin1Count.map { UInt64($0) } ?? Self.notLatin1)
    records.append(contentsOf: start.prefix(Self.longTextPrefix))
    return offset
  }

  func text(at offset: Int) -> PickleText {
    let count = Int(truncatingIfNeeded: word(offset))
    let kept = count > Self.textLimit ? Self.longTextPrefix : count
    let place = Int(Int64(bitPattern: word(offset + 8)))
    var text = PickleText(offset + Self.textHeader..<offset + Self.textHeader + kept)
    text.byteCount = count
    text.fileOffset = place < 0 ? nil : place
    let latin1 = word(offset + 16)
    text.latin1Count = latin1 == Self.notLatin1 ? nil : Int(truncatingIfNeeded: latin1)
    return text
  }

  // MARK: Bytes

  mutating func add(_ bytes: PickleBytes) -> Int {
    let offset = records.count
    records.append(bytes.isLatin1Text ? 1 : 0)
    append(UInt64(bytes.count))
    append(UInt64(bitPattern: Int64(bytes.fileOffset ?? -1)))
    append(UInt64(bytes.fileByteCount))
    records.append(bytes.only ?? 0)
    return offset
  }

  func bytes(at offset: Int) -> PickleBytes {
    let place = Int(Int64(bitPattern: word(offset + 9)))
    let count = Int(truncatingIfNeeded: word(offset + 1))
    return PickleBytes(
      count: count, fileOffset: place < 0 ? nil : place, fileByteCount: Int(truncatingIfNeeded: word(offset + 17)),
      isLatin1Text: records[offset] == 1, only: count == 1 ? records[offset + 25] : nil)
  }
}

/// A Python `bytes` or `bytearray`: where it is, not what.
struct PickleBytes: Sendable, Hashable {
  var count: Int
  var fileOffset: Int?
  /// Bytes that it takes in the file.
  var fileByteCount: Int
  /// Whether the file has it as text, each byte as a character up to U+00FF in UTF-8: protocol 2 knows no bytes.
  var isLatin1Text: Bool
  /// The byte itself, if there is one only.
  var only: UInt8?
}
