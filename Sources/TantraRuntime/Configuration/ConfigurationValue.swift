/// A value in config.json.
package indirect enum ConfigurationValue: Sendable, Hashable {
  case null
  case boolean(Bool)
  case integer(Int)
  /// Finite.
  case number(Double)
  case string(String)
  case array([ConfigurationValue])
  case object([String: ConfigurationValue])

  /// JSON text as transformers writes it (`json.dumps(indent=2, sort_keys=True)` of ASCII text), without a newline at the
  /// end.
  package var text: String { text(indent: "") }

  private func text(indent: String) -> String {
    let inner = indent + "  "
    func list(_ open: String, _ items: [String], _ close: String) -> String {
      items.isEmpty
        ? open + close : "\(open)\n" + items.map { inner + $0 }.joined(separator: ",\n") + "\n\(indent)\(close)"
    }
    switch self {
    case .null: return "null"
    case .boolean(let value): return value ? "true" : "false"
    case .integer(let value): return String(value)
    case .number(let value): return value.description
    case .string(let value): return Self.quoted(value)
    case .array(let values): return list("[", values.map { $0.text(indent: inner) }, "]")
    case .object(let values):
      let items = values.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)): \($0.value.text(indent: inner))" }
      return list("{", items, "}")
    }
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\u{20}"...: quoted.unicodeScalars.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return quoted + "\""
  }
}
