import BlobStore
import Tensors
import WeightFormats

/// Reads JSON from a blob a chunk at a time, for records whose text is too large to be in memory as a whole.
///
/// It knows no values of any kind: whoever reads says what comes next. Members of objects may come in any order. Memory: a chunk
/// and the longest string.
struct JSONStream {
  /// Objects and arrays that are skipped may nest this deep.
  private static let maximumDepth = 127

  private var source: CheckedReader
  /// Names the text in errors.
  private let name: String
  private var chunk: [UInt8] = []
  private var position = 0
  /// Where `chunk` begins in the text.
  private var chunkOffset = 0

  init(_ source: CheckedReader, name: String) {
    self.source = source
    self.name = name
  }

  /// The error for what stands at the next byte.
  func damaged(_ what: String) -> StoreError {
    StoreError(.damaged, "\(name) is damaged: \(what) at offset \(chunkOffset + position)")
  }

  /// Consumes white space up to the end, and checks all bytes against the blob's id.
  mutating func finish() throws(StoreError) {
    let rest = try peek()
    try checkBytes()
    guard rest == nil else { throw damaged("there is more than one value") }
  }

  /// Checks all bytes against the blob's id: what is no JSON is likely damage of the disk.
  mutating func checkBytes() throws(StoreError) { try blobStore(try source.finish()) }

  // MARK: Bytes

  /// The next byte, which is not consumed; nil at the end.
  private mutating func byte() throws(StoreError) -> UInt8? {
    if position < chunk.count { return chunk[position] }
    chunkOffset += chunk.count
    position = 0
    do throws(BlobStoreError) { chunk = try source.next() } catch { throw StoreError(error) }
    return chunk.first
  }

  /// The next byte that is no white space, which is not consumed; nil at the end.
  private mutating func peek() throws(StoreError) -> UInt8? {
    while let byte = try byte() {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return byte
      }
    }
    return nil
  }

  /// Consumes an ASCII character, after white space, if it comes next.
  mutating func consume(_ token: UnicodeScalar) throws(StoreError) -> Bool {
    guard try peek() == UInt8(ascii: token) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ token: UnicodeScalar) throws(StoreError) {
    guard try consume(token) else { throw damaged("there is no '\(token)'") }
  }

  /// Consumes a word that the text must have here.
  private mutating func expect(word: StaticString) throws(StoreError) {
    for expected in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) {
      guard try byte() == expected else { throw damaged("there is no '\(word)'") }
      position += 1
    }
  }

  // MARK: Objects and arrays

  /// Where somebody is in an object.
  struct Members {
    fileprivate var isFirst = true

    /// Consumes the next member's name; nil, and the closing brace, after the last.
    mutating func next(_ json: inout JSONStream) throws(StoreError) -> String? {
      if try json.consume("}") { return nil }
      if !isFirst { try json.expect(",") }
      isFirst = false
      let name = try json.string()
      try json.expect(":")
      return name
    }
  }

  /// Where somebody is in an array.
  struct Elements {
    fileprivate var isFirst = true

    /// Goes to the next element; false, and the closing bracket, after the last.
    mutating func next(_ json: inout JSONStream) throws(StoreError) -> Bool {
      if try json.consume("]") { return false }
      if !isFirst { try json.expect(",") }
      isFirst = false
      return true
    }
  }

  /// Begins an object.
  mutating func object() throws(StoreError) -> Members {
    try expect("{")
    return Members()
  }

  /// Begins an array.
  mutating func array() throws(StoreError) -> Elements {
    try expect("[")
    return Elements()
  }

  /// Consumes an array, each element of it as `element` does.
  mutating func array<Element>(
    of element: (_ json: inout JSONStream) throws(StoreError) -> Element
  ) throws(StoreError) -> [Element] {
    var elements = try array()
    var result: [Element] = []
    while try elements.next(&self) { result.append(try element(&self)) }
    return result
  }

  // MARK: Values

  /// Consumes `null` if it comes next.
  mutating func isNull() throws(StoreError) -> Bool {
    guard try peek() == UInt8(ascii: "n") else { return false }
    try expect(word: "null")
    return true
  }

  mutating func bool() throws(StoreError) -> Bool {
    let isTrue = try peek() == UInt8(ascii: "t")
    try expect(word: isTrue ? "true" : "false")
    return isTrue
  }

  /// Consumes an integer, written without fraction or exponent, that its type can hold.
  mutating func integer<Number: FixedWidthInteger>(_: Number.Type = Int.self) throws(StoreError) -> Number {
    let isNegative = try consume("-")
    var value: Number = 0
    var digits = 0
    while let byte = try byte(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
      let digit = Number(byte - UInt8(ascii: "0"))
      let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) =
        isNegative ? tenfold.subtractingReportingOverflow(digit) : tenfold.addingReportingOverflow(digit)
      guard !overflow, !carry else { throw damaged("a number is too large") }
      value = sum
      digits += 1
      position += 1
    }
    guard digits > 0 else { throw damaged("there is no integer") }
    switch try byte() {
    case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): throw damaged("a number is no integer")
    default: return value
    }
  }

  /// Consumes an integer; nil for `null`.
  mutating func integerIfAny<Number: FixedWidthInteger>(_ type: Number.Type = Int.self) throws(StoreError) -> Number? {
    try isNull() ? nil : try integer(type)
  }

  mutating func string() throws(StoreError) -> String {
    try expect("\"")
    // Most strings lie in one chunk, and have no escapes.
    if let end = plainEnd(after: position), chunk[end] == UInt8(ascii: "\"") {
      defer { position = end + 1 }
      do {
        return String(copying: try UTF8Span(validating: chunk.span.extracting(position..<end)))
      } catch {
        throw damaged("a string is not UTF-8")
      }
    }
    var text: [UInt8] = []
    while true {
      let end = plainEnd(after: position) ?? chunk.count
      text.append(contentsOf: chunk[position..<end])
      position = end
      switch try byte() {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else { throw damaged("a string is not UTF-8") }
        return string
      case UInt8(ascii: "\\"):
        position += 1
        try escape(into: &text)
      case .some(let byte) where byte >= 0x20: continue
      default: throw damaged("a string has no end")
      }
    }
  }

  /// Consumes a string of 64 hexadecimal digits.
  mutating func digest() throws(StoreError) -> Digest {
    // There is one for each tensor: no string is made of it where it lies in one chunk.
    if try peek() == UInt8(ascii: "\""), chunk.count - position > 65, chunk[position + 65] == UInt8(ascii: "\""),
      let digest = Digest(digits: chunk.span.extracting(position + 1..<position + 65))
    {
      position += 66
      return digest
    }
    guard let digest = Digest(hexadecimal: try string()) else { throw damaged("expected 64 hexadecimal digits") }
    return digest
  }

  /// Where the next quote, backslash or control character is; nil if there is none in the chunk.
  private func plainEnd(after start: Int) -> Int? {
    chunk[start...].firstIndex { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
  }

  /// Consumes what follows a backslash, and appends what it stands for.
  private mutating func escape(into text: inout [UInt8]) throws(StoreError) {
    guard let byte = try byte() else { throw damaged("a string has no end") }
    position += 1
    if let plain = JSONEscape.byte(for: byte) {
      text.append(plain)
      return
    }
    guard byte == UInt8(ascii: "u") else { throw damaged("there is no such escape") }
    var value = try hexadecimalUnit()
    if value >= 0xD800, value < 0xDC00 {
      try expect(word: "\\u")
      let low = try hexadecimalUnit()
      guard low >= 0xDC00, low < 0xE000 else { throw damaged("an escape is half of a pair") }
      value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = UnicodeScalar(value), let encoded = UTF8.encode(scalar) else {
      throw damaged("an escape is half of a pair")
    }
    text.append(contentsOf: encoded)
  }

  /// Consumes four hexadecimal digits.
  private mutating func hexadecimalUnit() throws(StoreError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = try byte(), let digit = JSONEscape.hexadecimalValue(byte) else {
        throw damaged("there is no hexadecimal digit")
      }
      value = value << 4 | digit
      position += 1
    }
    return value
  }

  // MARK: What nobody wants

  /// Consumes a value of any kind.
  mutating func skipValue(depth: Int = 0) throws(StoreError) {
    guard depth < Self.maximumDepth else { throw damaged("objects and arrays nest too deep") }
    switch try peek() {
    case UInt8(ascii: "{"):
      var members = try object()
      while try members.next(&self) != nil { try skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      var elements = try array()
      while try elements.next(&self) { try skipValue(depth: depth + 1) }
    case UInt8(ascii: "\""): try skipString()
    case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try bool()
    case UInt8(ascii: "n"): _ = try isNull()
    default:
      var count = 0
      while let byte = try byte(), Self.isNumeric(byte) {
        position += 1
        count += 1
      }
      guard count > 0 else { throw damaged("there is no value") }
    }
  }

  /// Consumes a string, whatever it says.
  private mutating func skipString() throws(StoreError) {
    if let end = plainEnd(after: position + 1), chunk[end] == UInt8(ascii: "\"") {
      position = end + 1
    } else {
      _ = try string()
    }
  }

  /// Whether a byte may stand in a number.
  private static func isNumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"),
      UInt8(ascii: "+"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
