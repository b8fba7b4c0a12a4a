/// What a JSON text holds. Anybody may have written the text: reading it never traps, and nests only so deep.
indirect enum JSONDocument: Sendable, Hashable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONDocument])
  case object([Member])

  struct Member: Sendable, Hashable {
    var name: String
    var value: JSONDocument
  }

  /// What stands in an object under a name: the last that does, as in Python.
  subscript(name: String) -> JSONDocument? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name == name }?.value
  }

  var text: String? { if case .string(let text) = self { text } else { nil } }
  var elements: [JSONDocument]? { if case .array(let elements) = self { elements } else { nil } }
  var members: [Member]? { if case .object(let members) = self { members } else { nil } }
  var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }
  var wholeNumber: Int? { if case .integer(let number) = self { number } else { nil } }
  var isNull: Bool { self == .null }

  /// A number, whole or not.
  var floating: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }

  /// Reads a text.
  ///
  /// - Parameter name: of the file, for the message.
  /// - Throws: ``Withheld``, saying what is wrong where.
  init(parsing bytes: [UInt8], of name: String) throws(Withheld) {
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw Withheld("\(name) is not UTF-8")
    }
    var parser = JSONParser(bytes: bytes, name: name)
    self = try parser.document()
  }
}

/// Reads JSON as Python's reader does, `NaN` and `Infinity` included.
private struct JSONParser {
  /// How deep arrays and objects may nest.
  private static let depthLimit = 64

  let bytes: [UInt8]
  let name: String
  private var position = 0

  init(bytes: [UInt8], name: String) {
    self.bytes = bytes
    self.name = name
  }

  mutating func document() throws(Withheld) -> JSONDocument {
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw unexpected("the end") }
    return value
  }

  private func unexpected(_ expected: String) -> Withheld {
    Withheld("\(name) is no JSON: expected \(expected) at offset \(position)")
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func consume(_ token: UnicodeScalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: token) else { return false }
    position += 1
    return true
  }

  private mutating func word(_ word: String, _ value: JSONDocument) -> JSONDocument? {
    guard bytes[position...].starts(with: word.utf8) else { return nil }
    position += word.utf8.count
    return value
  }

  private mutating func value(depth: Int) throws(Withheld) -> JSONDocument {
    guard depth < Self.depthLimit else { throw Withheld("\(name) nests deeper than \(Self.depthLimit) levels") }
    skipSpace()
    guard position < bytes.count else { throw unexpected("a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: break
    }
    if let found = word("null", .null) ?? word("true", .bool(true)) ?? word("false", .bool(false))
      ?? word("NaN", .number(.nan)) ?? word("Infinity", .number(.infinity)) ?? word("-Infinity", .number(-.infinity))
    {
      return found
    }
    return try number()
  }

  private mutating func object(depth: Int) throws(Withheld) -> [JSONDocument.Member] {
    position += 1
    var members: [JSONDocument.Member] = []
    if consume("}") { return members }
    repeat {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw unexpected("a name") }
      let name = try string()
      guard consume(":") else { throw unexpected("':'") }
      members.append(.init(name: name, value: try value(depth: depth + 1)))
    } while consume(",")
    guard consume("}") else { throw unexpected("'}'") }
    return members
  }

  private mutating func array(depth: Int) throws(Withheld) -> [JSONDocument] {
    position += 1
    var elements: [JSONDocument] = []
    if consume("]") { return elements }
    repeat { elements.append(try value(depth: depth + 1)) } while consume(",")
    guard consume("]") else { throw unexpected("']'") }
    return elements
  }

  private mutating func number() throws(Withheld) -> JSONDocument {
    let start = position
    scan: while position < bytes.count, position - start < 400 {
      switch bytes[position] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "e"), UInt8(ascii: "E"):
        position += 1
      default: break scan
      }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if let whole = Int(text), text.first != "+" { return .integer(whole) }
    guard let number = Double(text) else {
      position = start
      throw unexpected("a value")
    }
    return .number(number)
  }

  private mutating func string() throws(Withheld) -> String {
    position += 1
    var start = position
    var text: [UInt8] = []
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        text.append(contentsOf: bytes[start..<position])
        position += 1
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        text.append(contentsOf: bytes[start..<position])
        position += 1
        try escape(into: &text)
        start = position
      default: position += 1
      }
    }
    throw unexpected("the end of a string")
  }

  private mutating func escape(into text: inout [UInt8]) throws(Withheld) {
    guard position < bytes.count else { throw unexpected("an escape") }
    let plain: UInt8? =
      switch bytes[position] {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes[position]
      case UInt8(ascii: "b"): 8
      case UInt8(ascii: "f"): 12
      case UInt8(ascii: "n"): 10
      case UInt8(ascii: "r"): 13
      case UInt8(ascii: "t"): 9
      default: nil
      }
    if let plain {
      position += 1
      return text.append(plain)
    }
    let first = try unit()
    var scalar = first
    if (0xD800..<0xDC00).contains(first), position < bytes.count, bytes[position] == UInt8(ascii: "\\") {
      position += 1
      let second = try unit()
      guard (0xDC00..<0xE000).contains(second) else { throw unexpected("the second half of a surrogate pair") }
      scalar = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(scalar) else { throw unexpected("a character, not half of a surrogate pair,") }
    text.append(contentsOf: String(Character(scalar)).utf8)
  }

  /// `uXXXX`
  private mutating func unit() throws(Withheld) -> UInt32 {
    guard position + 5 <= bytes.count, bytes[position] == UInt8(ascii: "u"),
      let value = UInt32(String(decoding: bytes[position + 1..<position + 5], as: UTF8.self), radix: 16)
    else { throw unexpected("an escape") }
    position += 5
    return value
  }
}
