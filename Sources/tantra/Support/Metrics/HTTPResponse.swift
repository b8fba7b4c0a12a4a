import Glibc

/// How a request ended (RFC 9110).
enum HTTPStatus: Int, Error {
  case ok = 200
  case badRequest = 400
  case notFound = 404
  case methodNotAllowed = 405
  case requestTimeout = 408
  case headTooLarge = 431
  case unavailable = 503
  case versionNotSupported = 505

  var reason: String {
    switch self {
    case .ok: "OK"
    case .badRequest: "Bad Request"
    case .notFound: "Not Found"
    case .methodNotAllowed: "Method Not Allowed"
    case .requestTimeout: "Request Timeout"
    case .headTooLarge: "Request Header Fields Too Large"
    case .unavailable: "Service Unavailable"
    case .versionNotSupported: "HTTP Version Not Supported"
    }
  }
}

/// What a client gets. The connection ends with it.
struct HTTPResponse {
  static let plainText = "text/plain; charset=utf-8"

  var status: HTTPStatus
  var contentType = plainText
  var body: String

  /// A status, and nothing else to say.
  init(_ status: HTTPStatus) { self.init(status, "\(status.reason)\n") }

  init(_ status: HTTPStatus, _ body: String, contentType: String = plainText) {
    (self.status, self.body, self.contentType) = (status, body, contentType)
  }

  /// The bytes on the wire.
  ///
  /// - Parameter withoutBody: the answer to HEAD, which is that to GET without its body.
  func bytes(withoutBody: Bool) -> [UInt8] {
    let content = Array(body.utf8)
    var lines = [
      "HTTP/1.1 \(status.rawValue) \(status.reason)", "Date: \(Self.date)", "Content-Type: \(contentType)",
      "Content-Length: \(content.count)", "Cache-Control: no-store", "X-Content-Type-Options: nosniff",
      "Connection: close",
    ]
    if status == .methodNotAllowed { lines.append("Allow: GET, HEAD") }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (withoutBody ? [] : content)
  }

  /// Now, as HTTP writes it: `Thu, 26 Nov 2026 17:12:28 GMT`.
  private static var date: String {
    var (seconds, parts) = (time(nil), tm())
    gmtime_r(&seconds, &parts)
    var text = [CChar](repeating: 0, count: 64)
    // This program sets no locale, so that the names of days are English.
    let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
