import WeightFormats

extension JSONDocument {
  /// JSON text as Python's `json.dumps(indent=2)` writes it, members in their order.
  func text(indent: String) -> String {
    let inner = indent + "  "
    func list(_ open: String, _ items: [String], _ close: String) -> String {
      items.isEmpty
        ? open + close : "\(open)\n" + items.map { inner + $0 }.joined(separator: ",\n") + "\n\(indent)\(close)"
    }
    switch self {
    case .null: return "null"
    case .bool(let flag): return flag ? "true" : "false"
    case .integer(let number): return String(number)
    case .number(let number):
      if number.isNaN { return "NaN" }
      return number.isInfinite ? (number < 0 ? "-Infinity" : "Infinity") : number.description
    case .string(let text): return Self.quoted(text)
    case .array(let elements): return list("[", elements.map { $0.text(indent: inner) }, "]")
    case .object(let members):
      return list("{", members.map { "\(Self.quoted($0.name)): \($0.value.text(indent: inner))" }, "}")
    }
  }

  private static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    JSONEscape.append(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
