/// A literal of Python's, as numpy's headers have it: texts, integers, names, tuples, lists and dictionaries.
enum PythonLiteral {
  case text([UInt8])
  case integer(Int)
  /// True, False or None.
  case name([UInt8])
  case tuple([PythonLiteral])
  case list([PythonLiteral])
  case dictionary([(key: PythonLiteral, value: PythonLiteral)])

  private static let depthLimit = 16

  /// Reads one literal; white space may follow.
  ///
  /// - Throws: `unsupported` for anything else.
  init(_ bytes: [UInt8]) throws(FormatError) {
    var position = 0
    self = try Self.value(bytes, &position, depth: 0)
    Self.skipSpace(bytes, &position)
    guard position == bytes.count || bytes[position...].allSatisfy({ $0 == 0 }) else { throw Self.error(position) }
  }

  /// What a dictionary has under a key; the last one counts.
  subscript(_ key: String) -> PythonLiteral? {
    guard case .dictionary(let items) = self else { return nil }
    return items.last { item in
      if case .text(let text) = item.key { text.elementsEqual(key.utf8) } else { false }
    }?.value
  }

  /// The integers of a tuple of such, or the integer itself.
  var integers: [Int]? {
    switch self {
    case .integer(let value): return [value]
    case .tuple(let parts):
      var values: [Int] = []
      for part in parts {
        guard case .integer(let value) = part else { return nil }
        values.append(value)
      }
      return values
    default: return nil
    }
  }

  private static func error(_ position: Int) -> FormatError {
    FormatError(.unsupported, "the header of a numpy array is not understood at its byte \(position)")
  }

  private static func skipSpace(_ bytes: [UInt8], _ position: inout Int) {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private static func value(_ bytes: [UInt8], _ position: inout Int, depth: Int) throws(FormatError) -> PythonLiteral {
    skipSpace(bytes, &position)
    guard depth < depthLimit, position < bytes.count else { throw error(position) }
    let first = bytes[position]
    switch first {
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      position += 1
      let start = position
      while position < bytes.count, bytes[position] != first {
        guard bytes[position] != UInt8(ascii: "\\") else { throw error(position) }
        position += 1
      }
      guard position < bytes.count else { throw error(position) }
      position += 1
      return .text(Array(bytes[start..<position - 1]))
    case UInt8(ascii: "("): return try items(bytes, &position, until: ")", depth: depth)
    case UInt8(ascii: "["): return try items(bytes, &position, until: "]", depth: depth)
    case UInt8(ascii: "{"): return try items(bytes, &position, until: "}", depth: depth)
    case 0x30...0x39:
      let start = position
      while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 { position += 1 }
      guard let value = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else { throw error(start) }
      // Python 2 wrote long integers with a letter.
      if position < bytes.count, bytes[position] == UInt8(ascii: "L") { position += 1 }
      return .integer(value)
    default:
      let start = position
      while position < bytes.count, bytes[position] >= 0x41, bytes[position] <= 0x7A { position += 1 }
      guard ["True", "False", "None"].contains(String(decoding: bytes[start..<position], as: UTF8.self)) else {
        throw error(start)
      }
      return .name(Array(bytes[start..<position]))
    }
  }

  /// The items of a container, whose opening bracket comes next.
  private static func items(
    _ bytes: [UInt8], _ position: inout Int, until end: UnicodeScalar, depth: Int
  ) throws(FormatError) -> PythonLiteral {
    position += 1
    var values: [PythonLiteral] = []
    var pairs: [(key: PythonLiteral, value: PythonLiteral)] = []
    var hasComma = true
    while true {
      skipSpace(bytes, &position)
      guard position < bytes.count else { throw error(position) }
      if bytes[position] == UInt8(ascii: end) { break }
      guard hasComma else { throw error(position) }
      let item = try value(bytes, &position, depth: depth + 1)
      skipSpace(bytes, &position)
      if end == "}" {
        guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else { throw error(position) }
        position += 1
        pairs.append((item, try value(bytes, &position, depth: depth + 1)))
        skipSpace(bytes, &position)
      } else {
        values.append(item)
      }
      hasComma = position < bytes.count && bytes[position] == UInt8(ascii: ",")
      if hasComma { position += 1 }
    }
    position += 1
    switch end {
    case "}": return .dictionary(pairs)
    case "]": return .list(values)
    // Parentheses around one value, without a comma, are no tuple.
    default: return values.count == 1 && !hasComma ? values[0] : .tuple(values)
    }
  }
}
