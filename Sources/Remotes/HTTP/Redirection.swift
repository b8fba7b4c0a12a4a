import Glibc
import StoreRecords

/// Follows where answers lead.
struct Redirection {
  /// How often one request is led elsewhere.
  private static let limit = 5

  /// Names the remote in messages.
  var name: String
  /// Whether an address may be asked.
  var isAllowed: (WebAddress) -> Bool

  /// Sends an exchange, and again to where its answer leads.
  ///
  /// - Parameter whenLed: told of each such address.
  /// - Throws: `system(EHOSTUNREACH)` for an address that is not followed; `system(ELOOP)`.
  func follow(
    _ exchange: Exchange, whenLed: (WebAddress) -> Void = { _ in },
    _ send: (Exchange) throws(StoreError) -> Answer
  ) throws(StoreError) -> Answer {
    var exchange = exchange
    for _ in 0...Self.limit {
      let answer = try send(exchange)
      guard [301, 302, 303, 307, 308].contains(answer.status) else { return answer }
      let location = answer.headers["location"] ?? ""
      guard let next = exchange.address.following(location), isAllowed(next) else {
        throw StoreError(
          .system(errno: EHOSTUNREACH), "\(name) leads to \(location.debugDescription), which is not followed")
      }
      exchange.address = next
      whenLed(next)
    }
    throw StoreError(.system(errno: ELOOP), "\(name) leads from one address to the next, and to no answer")
  }
}
