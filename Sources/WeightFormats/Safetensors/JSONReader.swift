/// A strict reader of JSON (RFC 8259) that hands out one token at a time.
///
/// It never recurses and allocates only the strings that it returns. It accepts what serde_json accepts: UTF-8 without a
/// byte order mark, no trailing commas, no control characters in strings, no lone surrogates, at most 127 levels of
/// nesting, no numbers beyond a double. Errors carry the offset in the file.
package struct JSONReader {
  /// Objects and arrays may nest this deep, the outermost one included.
  static let maximumDepth = 127

  private let bytes: [UInt8]
  /// Where `bytes` begins in the file; only for messages.
  private let fileOffset: Int
  private var position = 0
  /// Bytes of numbers so far that had to be converted to see whether they fit a double, which is slow.
  private var nearLimitByteCount = 0
  private static let nearLimitByteLimit = 4 << 20

  /// Reads `bytes`, which must be valid UTF-8 and lie at `fileOffset` in the file.
  package init(validUTF8 bytes: [UInt8], fileOffset: Int) {
    self.bytes = bytes
    self.fileOffset = fileOffset
  }

  /// Space, tab, line feed or carriage return.
  static func isWhitespace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

  /// Offset in the file of the next byte.
  package var offset: Int { fileOffset + position }

  /// The error for what stands at the next byte.
  func unexpected(_ expected: String) -> FormatError {
    guard position < bytes.count else {
      return FormatError(.malformed, "header: expected \(expected) at offset \(offset), found the header's end")
    }
    let byte = bytes[position]
    let found = byte > 0x20 && byte < 0x7F ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)"
    return FormatError(.malformed, "header: expected \(expected) at offset \(offset), found \(found)")
  }

  /// Skips white space and returns the byte after it without consuming it; nil at the end.
  mutating func peek() -> UInt8? {
    while position < bytes.count, Self.isWhitespace(bytes[position]) { position += 1 }
    return position < bytes.count ? bytes[position] : nil
  }

  /// Consumes the ASCII character `token`, after white space, if it comes next.
  package mutating func consume(_ token: UnicodeScalar) -> Bool {
    guard peek() == UInt8(ascii: token) else { return false }
    position += 1
    return true
  }

  /// Consumes the ASCII character `token`, after white space, or fails.
  package mutating func expect(_ token: UnicodeScalar) throws(FormatError) {
    guard consume(token) else { throw unexpected("'\(token)'") }
  }

  /// Fails unless only white space is left.
  package mutating func expectEnd() throws(FormatError) {
    guard peek() == nil else { throw unexpected("the header's end") }
  }

  /// Consumes `null` if it comes next.
  mutating func consumeNull() throws(FormatError) -> Bool {
    guard peek() == UInt8(ascii: "n") else { return false }
    try literal("null")
    return true
  }

  /// Consumes a non-negative integer, written without sign, fraction or exponent.
  package mutating func unsignedInteger() throws(FormatError) -> UInt64 {
    guard let first = peek(), isDigit(first) else { throw unexpected("a non-negative integer") }
    let start = position
    var value: UInt64 = 0
    while position < bytes.count, isDigit(bytes[position]) {
      let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tenfold.addingReportingOverflow(UInt64(bytes[position] - UInt8(ascii: "0")))
      guard !overflow, !carry else {
        throw FormatError(.malformed, "header: the integer at offset \(fileOffset + start) does not fit 64 bits")
      }
      value = sum
      position += 1
    }
    if first == UInt8(ascii: "0"), position > start + 1 {
      throw FormatError(.malformed, "header: the integer at offset \(fileOffset + start) has a leading zero")
    }
    if position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): throw unexpected("an integer, not a float")
      default: break
      }
    }
    return value
  }

  /// Consumes a string and returns its UTF-8, of which there may be `maximum` bytes.
  ///
  /// - Throws: `limit` if there are more, `malformed` if it is no string.
  package mutating func string(maximum: Int) throws(FormatError) -> [UInt8] {
    let start = offset
    let text = try string(keeping: maximum + 1)
    guard text.count <= maximum else {
      throw FormatError(.limit, "header: the string at offset \(start) has more than \(maximum) bytes")
    }
    return text
  }

  /// Consumes a string and returns the first `limit` bytes of its UTF-8, so that a long one takes no memory.
  mutating func string(keeping limit: Int) throws(FormatError) -> [UInt8] {
    try expect("\"")
    var text: [UInt8] = []
    while true {
      let start = position
      skipPlain()
      if text.count < limit { text.append(contentsOf: bytes[start..<min(position, start + limit - text.count)]) }
      guard position < bytes.count else { throw unexpected("the string's closing quote") }
      switch bytes[position] {
      case UInt8(ascii: "\""):
        position += 1
        return text
      case UInt8(ascii: "\\"):
        position += 1
        if text.count < limit {
          try escape(into: &text)
        } else {
          var ignored: [UInt8] = []
          try escape(into: &ignored)
        }
      default: throw unexpected("a string without control characters")
      }
    }
  }

  /// Moves to the next quote, backslash or control character.
  private mutating func skipPlain() {
    while position < bytes.count, bytes[position] >= 0x20, bytes[position] != UInt8(ascii: "\""),
      bytes[position] != UInt8(ascii: "\\")
    { position += 1 }
  }

  /// Consumes `true` or `false`.
  package mutating func boolean() throws(FormatError) -> Bool {
    let value = peek() == UInt8(ascii: "t")
    try literal(value ? "true" : "false")
    return value
  }

  /// Consumes any value, checked as strictly as the rest; `depth` is the number of objects and arrays around it.
  package mutating func skipValue(depth: Int) throws(FormatError) {
    // Whether each open container is an object. Bounded by the maximal depth.
    var open: [Bool] = []
    repeat {
      guard let byte = peek() else { throw unexpected("a value") }
      var isComplete = true
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard depth + open.count < Self.maximumDepth else {
          throw FormatError(
            .limit, "header: more than \(Self.maximumDepth) levels of nesting at offset \(offset)")
        }
        position += 1
        let isObject = byte == UInt8(ascii: "{")
        if !consume(isObject ? "}" : "]") {
          open.append(isObject)
          if isObject { try key() }
          isComplete = false
        }
      case UInt8(ascii: "\""): _ = try string(keeping: 0)
      case UInt8(ascii: "t"): try literal("true")
      case UInt8(ascii: "f"): try literal("false")
      case UInt8(ascii: "n"): try literal("null")
      default: try number()
      }
      // A value is complete: close what closes with it, up to a comma that announces another value.
      while isComplete, let isObject = open.last {
        if consume(",") {
          if isObject { try key() }
          isComplete = false
        } else {
          try expect(isObject ? "}" : "]")
          open.removeLast()
        }
      }
    } while !open.isEmpty
  }

  private mutating func key() throws(FormatError) {
    _ = try string(keeping: 0)
    try expect(":")
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  /// Consumes what is written as `text` says.
  mutating func literal(_ text: String) throws(FormatError) {
    for byte in text.utf8 {
      guard position < bytes.count, bytes[position] == byte else { throw unexpected("'\(text)'") }
      position += 1
    }
  }

  /// Consumes a number of any kind.
  private mutating func number() throws(FormatError) {
    let start = position
    if bytes[position] == UInt8(ascii: "-") { position += 1 }
    let integer = try digits("a value")
    guard integer == 1 || bytes[position - integer] != UInt8(ascii: "0") else {
      throw FormatError(.malformed, "header: the number at offset \(fileOffset + start) has a leading zero")
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      position += 1
      _ = try digits("a digit after the point")
    }
    var exponent = 0
    if position < bytes.count, bytes[position] == UInt8(ascii: "e") || bytes[position] == UInt8(ascii: "E") {
      position += 1
      var isNegative = false
      if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
        isNegative = bytes[position] == UInt8(ascii: "-")
        position += 1
      }
      let count = try digits("a digit of the exponent")
      if !isNegative {
        for digit in bytes[position - count..<position] {
          exponent = min(10 * exponent + Int(digit - UInt8(ascii: "0")), 1 << 20)
        }
      }
    }
    // Up to 308 digits before the point fit whatever they are; only near a double's limit its value decides.
    if integer + exponent <= 308 { return }
    nearLimitByteCount += position - start
    guard nearLimitByteCount <= Self.nearLimitByteLimit else {
      throw FormatError(.limit, "header: too many numbers near a double's limit, at offset \(fileOffset + start)")
    }
    guard let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)), value.isFinite else {
      throw FormatError(.malformed, "header: the number at offset \(fileOffset + start) is beyond a double's range")
    }
  }

  /// Consumes at least one digit and returns how many there were.
  private mutating func digits(_ expected: String) throws(FormatError) -> Int {
    let start = position
    while position < bytes.count, isDigit(bytes[position]) { position += 1 }
    guard position > start else { throw unexpected(expected) }
    return position - start
  }

  /// Consumes what follows a backslash and appends the UTF-8 of the character that it stands for.
  private mutating func escape(into text: inout [UInt8]) throws(FormatError) {
    guard position < bytes.count else { throw unexpected("an escape") }
    if let byte = JSONEscape.byte(for: bytes[position]) {
      text.append(byte)
      position += 1
      return
    }
    guard bytes[position] == UInt8(ascii: "u") else { throw unexpected("an escape") }
    let start = offset - 1
    position += 1
    var value = try hexadecimalUnit()
    if value >= 0xD800, value < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 2
      let low = try hexadecimalUnit()
      if low >= 0xDC00, low < 0xE000 { value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00) }
    }
    guard let scalar = UnicodeScalar(value) else {
      throw FormatError(.malformed, "header: the escape at offset \(start) is half of a surrogate pair")
    }
    if let encoded = UTF8.encode(scalar) { text.append(contentsOf: encoded) }
  }

  /// Consumes four hexadecimal digits.
  private mutating func hexadecimalUnit() throws(FormatError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = JSONEscape.hexadecimalValue(bytes[position]) else {
        throw unexpected("a hexadecimal digit")
      }
      value = value << 4 | digit
      position += 1
    }
    return value
  }
}
