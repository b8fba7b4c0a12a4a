/// What a server asks for in `WWW-Authenticate` (RFC 9110, 11.6.1).
enum Challenge: Sendable, Hashable {
  case basic
  /// A token of another server (https://distribution.github.io/distribution/spec/auth/token/).
  case bearer(realm: String, service: String?, scope: String?)

  /// nil for a way that is not known here.
  init?(_ header: String) {
    let scheme = header.prefix { $0 != " " }.lowercased()
    switch scheme {
    case "basic": self = .basic
    case "bearer":
      let fields = Self.fields(header.dropFirst(scheme.count))
      guard let realm = fields["realm"] else { return nil }
      self = .bearer(realm: realm, service: fields["service"], scope: fields["scope"])
    default: return nil
    }
  }

  /// Reads `a="b, c",d=e`.
  private static func fields(_ text: Substring) -> [String: String] {
    var fields: [String: String] = [:]
    var rest = text.drop { $0 == " " || $0 == "," }
    while let equals = rest.firstIndex(of: "=") {
      let name = rest[..<equals].lowercased()
      rest = rest[rest.index(after: equals)...]
      var value = ""
      if rest.first == "\"" {
        rest = rest.dropFirst()
        while let character = rest.popFirst(), character != "\"" {
          value.append(character == "\\" ? rest.popFirst() ?? character : character)
        }
      } else {
        value = String(rest.prefix { $0 != "," && $0 != " " })
        rest = rest.dropFirst(value.count)
      }
      fields[name] = value
      rest = rest.drop { $0 == " " || $0 == "," }
    }
    return fields
  }
}
