/// The head of an HTTP/1 request (RFC 9112), as far as a server of a few pages needs it. What a request carries beside its head is
/// not read.
struct HTTPRequest: Hashable {
  /// `GET`.
  var method: String
  /// `/metrics`, without a query.
  var path: String

  /// A longer head is refused: no scraper sends one.
  static let longestHead = 8192

  /// Reads what has come so far.
  ///
  /// - Parameter start: where to look for the end of the head; what was looked through before need not be again.
  /// - Returns: nil if the head is not there to its end.
  /// - Throws: the status that tells the client what is wrong with it.
  init?(_ bytes: [UInt8], lookingFrom start: Int = 0) throws(HTTPStatus) {
    guard let end = Self.end(of: bytes, from: start) else {
      if bytes.count > Self.longestHead { throw .headTooLarge }
      return nil
    }
    if end > Self.longestHead { throw .headTooLarge }
    var lines = bytes[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      line.last == UInt8(ascii: "\r") ? line.dropLast() : line
    }
    // An empty line before the request is allowed, and the last two are the end.
    if lines.first?.isEmpty == true { lines.removeFirst() }
    while lines.last?.isEmpty == true { lines.removeLast() }
    guard !lines.isEmpty, lines.allSatisfy(Self.isPrintable) else { throw .badRequest }
    let words = lines[0].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard words.count == 3, !words[0].isEmpty, words[0].allSatisfy({ $0.isASCII && $0.isUppercase }) else {
      throw .badRequest
    }
    guard ["HTTP/1.1", "HTTP/1.0"].contains(words[2]) else {
      throw words[2].hasPrefix("HTTP/") ? .versionNotSupported : .badRequest
    }
    let names = try lines.dropFirst().map(Self.fieldName)
    let hosts = names.count { $0 == "host" }
    guard hosts == 1 || hosts == 0 && words[2] == "HTTP/1.0" else { throw .badRequest }
    method = words[0]
    path = try Self.path(in: words[1])
  }

  /// The offset after the empty line that ends a head; nil if there is none.
  private static func end(of bytes: [UInt8], from start: Int) -> Int? {
    let (newline, carriage) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    var isLineEmpty = false
    for index in bytes.indices.dropFirst(max(0, start - 3)) {
      if bytes[index] == newline {
        if isLineEmpty { return index + 1 }
        isLineEmpty = true
      } else if bytes[index] != carriage {
        isLineEmpty = false
      }
    }
    return nil
  }

  private static func isPrintable(_ line: ArraySlice<UInt8>) -> Bool {
    line.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == UInt8(ascii: "\t") }
  }

  /// The name of a header field, in small letters.
  private static func fieldName(_ line: ArraySlice<UInt8>) throws(HTTPStatus) -> String {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { throw .badRequest }
    let name = line[..<colon]
    guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw .badRequest }
    return String(decoding: name, as: UTF8.self).lowercased()
  }

  /// The path of a request's target: `/metrics?x` and `http://host/metrics` ask for the same.
  private static func path(in target: String) throws(HTTPStatus) -> String {
    var rest = target[...]
    for scheme in ["http://", "https://"] where rest.lowercased().hasPrefix(scheme) {
      rest = rest.dropFirst(scheme.count).drop { $0 != "/" }
      if rest.isEmpty { rest = "/" }
    }
    // `OPTIONS *` asks about the server itself.
    guard rest.hasPrefix("/") || rest == "*" else { throw .badRequest }
    return String(rest.prefix { $0 != "?" })
  }
}
