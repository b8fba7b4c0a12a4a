import StoreRecords

/// An address of the web, as far as it takes to follow others from it.
struct WebAddress: Sendable, Hashable, CustomStringConvertible {
  /// `https://registry.example.com:5000`.
  var origin: String
  /// What comes after it, from the slash on.
  var path: String

  var description: String { origin + path }
  var isEncrypted: Bool { origin.hasPrefix("https://") }

  /// The host, without a port.
  var host: String { Self.host(of: origin.split(separator: "/", maxSplits: 1).last.map(String.init) ?? "") }

  /// The host in `HOST:PORT`, `[ADDRESS]:PORT` or one of them without a port.
  static func host(of authority: String) -> String {
    let text = authority.drop { $0 == "/" }
    if text.hasPrefix("[") { return String(text.dropFirst().prefix { $0 != "]" }) }
    return String(text.prefix { $0 != ":" })
  }

  /// Whether a host is this machine itself: what is sent there nobody else can read.
  static func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." }
  }

  /// Reads an address of http or https; nil for anything else, and for one that could break a request's head.
  init?(_ text: String) {
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let mark = text.firstRange(of: "://") else { return nil }
    let scheme = text[..<mark.lowerBound].lowercased()
    let rest = text[mark.upperBound...].prefix { $0 != "#" }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    // A name and a password in an address would be sent to whoever is named there.
    guard ["http", "https"].contains(scheme), !authority.isEmpty, !authority.contains("@") else { return nil }
    origin = "\(scheme)://\(authority)"
    let tail = rest.dropFirst(authority.count)
    path = tail.hasPrefix("/") ? String(tail) : "/" + tail
  }

  /// Where a reference in an answer leads (RFC 3986, without dots in paths); nil for one that cannot be followed.
  func following(_ reference: String) -> WebAddress? {
    if reference.contains("://") { return WebAddress(reference) }
    if reference.hasPrefix("//") { return WebAddress(origin.prefix { $0 != ":" } + ":" + reference) }
    if reference.hasPrefix("/") { return WebAddress(origin + reference) }
    let folder = path.prefix { $0 != "?" }.lastIndex(of: "/").map { path[...$0] } ?? "/"
    return WebAddress(origin + folder + reference)
  }

  /// The same with one more field of the query.
  func adding(_ name: String, _ value: String) -> WebAddress {
    var address = self
    address.path += (path.contains("?") ? "&" : "?") + name + "=" + Self.escaped(value)
    return address
  }

  /// What may stand in a query as it is; the rest is escaped.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        escaped.unicodeScalars.append(UnicodeScalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        escaped += "%" + (digits.count < 2 ? "0" : "") + digits
      }
    }
    return escaped
  }
}
