import Glibc
import PosixIO
import StoreRecords
import Synchronization
import WeightFormats

/// Proves to a registry who asks: by a password, or by tokens that it gets for one. One thread at a time gets a token; others wait
/// for it.
final class Authorizer: Sendable {
  private struct State: Sendable {
    /// What `Authorization` says; nil as long as nobody has asked for it.
    var header: String?
    /// When a new token is due, on a clock that only goes on; nil for what stays.
    var renewal: ContinuousClock.Instant?
    /// Rises with each one, so that those who were refused with an older one know.
    var edition = 0
    var challenge: Challenge?
    var isRenewing = false
  }

  private let host: String
  private let repository: String
  private let allowsPlainHTTP: Bool
  private let client: WebClient
  private let state = Mutex(State())

  init(_ host: String, _ repository: String, allowingPlainHTTP: Bool, _ client: WebClient) {
    self.host = host
    self.repository = repository
    self.client = client
    allowsPlainHTTP = allowingPlainHTTP
  }

  /// What a request has to say, and which edition of it that is; nil for nothing.
  func header(isPush: Bool, unless interruption: Interruption) throws(StoreError) -> (text: String?, edition: Int) {
    let (header, edition, isDue) = state.withLock { state in
      (state.header, state.edition, state.renewal.map { $0 <= .now } ?? false)
    }
    guard isDue else { return (header, edition) }
    return try renew(after: edition, isPush: isPush, challenge: nil, unless: interruption)
  }

  /// Gets what the registry asks for.
  ///
  /// - Parameters:
  ///   - edition: of what the registry has refused.
  ///   - challenge: what it says; nil for what it said last.
  /// - Returns: what a request has to say.
  /// - Throws: `system(EACCES)` if there is no password, or it is not accepted.
  func renew(
    after edition: Int, isPush: Bool, challenge header: String?, unless interruption: Interruption
  ) throws(StoreError) -> (text: String?, edition: Int) {
    while true {
      let known = state.withLock { state -> (String?, Int)? in
        if state.edition > edition { return (state.header, state.edition) }
        if state.isRenewing { return nil }
        state.isRenewing = true
        return (nil, -1)
      }
      if let known, known.1 >= 0 { return known }
      if known != nil { break }
      if interruption.isRequested { throw StoreError(.interrupted, "stopped") }
      usleep(5_000)
    }
    defer { state.withLock { $0.isRenewing = false } }
    let challenge = header.flatMap { Challenge($0) } ?? state.withLock { $0.challenge }
    guard let challenge else {
      throw StoreError(
        .system(errno: EACCES), "\(host) asks for a proof in a way that is not known here: \(header ?? "")")
    }
    let secret = try DockerCredentials.secret(for: host, repository)
    let (text, seconds) = try answer(challenge, secret, isPush: isPush, unless: interruption)
    return state.withLock { state in
      state.header = text
      state.challenge = challenge
      state.edition += 1
      // Before it ends: what has begun may go on a little longer than a token lives.
      state.renewal = seconds.map { .now + .milliseconds(max(1, min(86_400, $0)) * 800) }
      return (state.header, state.edition)
    }
  }

  private func answer(
    _ challenge: Challenge, _ secret: DockerCredentials.Secret?, isPush: Bool, unless interruption: Interruption
  ) throws(StoreError) -> (text: String, seconds: Int?) {
    switch challenge {
    case .basic:
      guard case .basic(let word) = secret else { throw refused(secret == nil) }
      return ("Authorization: Basic \(word)", nil)
    case .bearer(let realm, let service, let scope):
      guard var address = WebAddress(realm),
        address.isEncrypted || allowsPlainHTTP || WebAddress.isLoopback(address.host)
      else {
        throw StoreError(
          .system(errno: EACCES),
          "\(host) sends passwords to \(realm.debugDescription), which is not safe: nothing was sent there")
      }
      let scope = isPush ? "repository:\(repository):pull,push" : scope ?? "repository:\(repository):pull"
      var exchange = Exchange(method: "GET", address: address)
      var fields = [("service", service), ("scope", scope)].compactMap { name, value in value.map { (name, $0) } }
      if case .refreshToken(let token) = secret {
        fields += [("grant_type", "refresh_token"), ("client_id", "tantra"), ("refresh_token", token)]
        let form = fields.map { "\($0.0)=\(WebAddress.escaped($0.1))" }.joined(separator: "&")
        let body = Array(form.utf8)
        exchange.method = "POST"
        exchange.headers = ["Content-Type: application/x-www-form-urlencoded"]
        exchange.body = .init(content: .bytes(body), range: 0..<body.count)
      } else {
        for (name, value) in fields { address = address.adding(name, value) }
        if case .basic(let word) = secret { exchange.headers = ["Authorization: Basic \(word)"] }
      }
      exchange.address = address
      return try token(exchange, hasSecret: secret != nil, unless: interruption)
    }
  }

  private func token(
    _ exchange: Exchange, hasSecret: Bool, unless interruption: Interruption
  ) throws(StoreError) -> (text: String, seconds: Int?) {
    let answer = try client.retrying("the token server of \(host)", unless: interruption) {
      try client.perform(exchange, unless: interruption)
    }
    guard answer.status == 200 else {
      if [400, 401, 403].contains(answer.status) { throw refused(!hasSecret) }
      throw StoreError(.system(errno: EIO), "the token server of \(host) answers \(answer.status): \(answer.text)")
    }
    struct Token: Decodable {
      var token: String?
      var access_token: String?
      var expires_in: Int?
    }
    let token = try StoreCoding.decode(Token.self, from: answer.body, what: "what the token server of \(host) says")
    guard let word = token.token ?? token.access_token, DockerCredentials.isHeader(word) else {
      throw StoreError(.damaged, "the token server of \(host) gives no token")
    }
    return ("Authorization: Bearer \(word)", token.expires_in ?? 60)
  }

  /// The error for whoever may not do that.
  func refused(_ isUnknown: Bool) -> StoreError {
    StoreError(
      .system(errno: EACCES),
      isUnknown
        ? "\(host) wants to know who asks for \(repository): log in with docker login \(host), or skopeo login \(host)"
        : "\(host) does not let you do that with \(repository): the name, the password or the permission is another one"
    )
  }
}
