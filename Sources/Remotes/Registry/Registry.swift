import Glibc
import PosixIO
import StoreRecords
import Synchronization
import Tensors
import WeightFormats

/// A repository of a registry: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
final class Registry: RemoteStore {
  private static let accepted = "Accept: \(ArtifactManifest.mediaType), application/vnd.oci.image.index.v1+json"

  /// Where a blob really is, for as long as that may be asked there.
  private struct Redirect: Sendable {
    var address: WebAddress
    var end: ContinuousClock.Instant
  }

  let name: String
  let client: WebClient
  let base: WebAddress
  private let plainHTTP: Bool
  private let authorizer: Authorizer
  private let redirects = Mutex<[Digest: Redirect]>([:])

  /// - Parameter plainHTTP: whether what is sent may be read by others on the way. To this machine itself it always may.
  init(host: String, repository: String, plainHTTP: Bool) throws(StoreError) {
    name = "\(host)/\(repository)"
    client = try WebClient()
    let server = ["docker.io", "index.docker.io"].contains(host) ? "registry-1.docker.io" : host
    self.plainHTTP = plainHTTP
    guard var base = WebAddress("https://\(server)/v2/\(repository)/") else {
      throw StoreError(.invalidName, "\(name) is no repository of a registry")
    }
    if plainHTTP || WebAddress.isLoopback(base.host) && !client.speaksTLS(base) {
      base.origin = "http://\(server)"
    }
    self.base = base
    authorizer = Authorizer(server, repository, allowingPlainHTTP: plainHTTP, client)
  }

  // MARK: Requests

  /// Sends a request with what the registry wants to know of who asks; once more if that is not enough.
  ///
  /// - Parameter isSafe: whether it may be sent twice.
  func send(
    _ exchange: Exchange, into sink: Exchange.Sink = .memory(limit: 1 << 20), isPush: Bool = false, isSafe: Bool = true,
    unless interruption: Interruption, sent: @escaping (_ bytes: Int) -> Bool = { _ in true }
  ) throws(StoreError) -> Answer {
    for attempt in 0... {
      let (header, edition) = try authorizer.header(isPush: isPush, unless: interruption)
      var request = exchange
      // Never to another host.
      if let header, exchange.address.origin == base.origin { request.headers.append(header) }
      let perform = { [request] in
        try self.client.perform(request, into: sink, unless: interruption, sent: sent)
      }
      let answer = try client.retrying("\(exchange.method) \(name)", unless: interruption) {
        do {
          return try perform()
        } catch let failure as TransferFailure where !isSafe && failure.cause == .passing {
          throw TransferFailure(cause: .refused, message: failure.message)
        }
      }
      let isOurs = exchange.address.origin == base.origin
      guard answer.status == 401, isOurs, attempt < 2 else { return answer }
      _ = try authorizer.renew(
        after: edition, isPush: isPush, challenge: answer.headers["www-authenticate"] ?? "", unless: interruption)
    }
    throw authorizer.refused(false)
  }

  /// As ``send(_:into:isPush:isSafe:unless:sent:)``, and follows where the answer leads.
  private func follow(
    _ exchange: Exchange, into sink: Exchange.Sink = .memory(limit: 1 << 20), unless interruption: Interruption,
    whenLed: (WebAddress) -> Void = { _ in }
  ) throws(StoreError) -> Answer {
    try Redirection(name: name, isAllowed: isAllowed).follow(exchange, whenLed: whenLed) {
      (exchange) throws(StoreError) in
      try send(exchange, into: sink, unless: interruption)
    }
  }

  /// The error for an answer that is no success.
  func failure(_ answer: Answer, _ what: String) -> StoreError {
    struct Body: Decodable {
      struct Problem: Decodable { var code: String?, message: String? }
      var errors: [Problem]?
    }
    var reason = answer.text
    do throws(StoreError) {
      let body = try StoreCoding.decode(Body.self, from: answer.body, what: "")
      reason = (body.errors ?? []).map { "\($0.code ?? ""): \($0.message ?? "")" }.joined(separator: "; ")
    } catch {
      // It is no JSON: the text has to do.
    }
    let message = "\(name): \(what): \(answer.status)" + (reason.isEmpty ? "" : " (\(reason.prefix(300)))")
    switch answer.status {
    case 401, 403: return StoreError(.system(errno: EACCES), "\(authorizer.refused(false).message) (\(message))")
    case 404: return StoreError(.unknownVersion, message)
    case 413: return StoreError(.system(errno: EFBIG), message)
    case 416: return StoreError(.damaged, "\(message): it has another size than the manifest says")
    case 429, 500...: return StoreError(.system(errno: EBUSY), "\(message); try again later")
    default: return StoreError(.system(errno: EPROTO), message)
    }
  }

  /// Whether an address that the registry names may be asked: not one that others can read, unless this one is such, too.
  func isAllowed(_ address: WebAddress) -> Bool {
    address.isEncrypted || plainHTTP || WebAddress.isLoopback(base.host) && WebAddress.isLoopback(address.host)
  }

  func address(_ path: String) -> WebAddress {
    var address = base
    address.path += path
    return address
  }

  // MARK: Manifests and tags

  func digest(of tag: String, unless interruption: Interruption) throws(StoreError) -> Digest? {
    let answer = try follow(
      Exchange(method: "HEAD", address: address("manifests/\(tag)"), headers: [Self.accepted]), unless: interruption)
    if answer.status == 404 { return nil }
    guard answer.status == 200 else { throw failure(answer, "the tag \(tag)") }
    if let digest = answer.headers["docker-content-digest"].flatMap({ OCIDigest($0) }) { return digest.digest }
    // Not every registry says it: then its bytes do.
    let whole = try follow(
      Exchange(method: "GET", address: address("manifests/\(tag)"), headers: [Self.accepted]),
      into: .memory(limit: ArtifactManifest.byteLimit), unless: interruption)
    guard whole.status == 200 else { throw failure(whole, "the tag \(tag)") }
    return Digest(of: whole.body)
  }

  func manifest(_ digest: Digest, unless interruption: Interruption) throws(StoreError) -> [UInt8] {
    let answer = try follow(
      Exchange(method: "GET", address: address("manifests/\(OCIDigest(digest))"), headers: [Self.accepted]),
      into: .memory(limit: ArtifactManifest.byteLimit), unless: interruption)
    guard answer.status == 200 else { throw failure(answer, "the manifest \(OCIDigest(digest))") }
    return answer.body
  }

  func setTag(_ tag: String, to manifest: [UInt8], unless interruption: Interruption) throws(StoreError) {
    if try digest(of: tag, unless: interruption) == Digest(of: manifest) { return }
    let answer = try send(
      Exchange(
        method: "PUT", address: address("manifests/\(tag)"), headers: ["Content-Type: \(ArtifactManifest.mediaType)"],
        body: .init(content: .bytes(manifest), range: 0..<manifest.count), patience: 120),
      isPush: true, unless: interruption)
    guard answer.status == 201 || answer.status == 200 else { throw failure(answer, "the tag \(tag) was not set") }
  }

  func tags(unless interruption: Interruption) throws(StoreError) -> [String] {
    struct Page: Decodable { var tags: [String]? }
    var tags: Set<String> = []
    var next: WebAddress? = address("tags/list").adding("n", "1000")
    // A server that leads in a circle is not followed for ever.
    for _ in 0..<1000 {
      guard let page = next else { break }
      let answer = try follow(
        Exchange(method: "GET", address: page), into: .memory(limit: 16 << 20), unless: interruption)
      guard answer.status == 200 else { throw failure(answer, "the list of tags") }
      let list = try StoreCoding.decode(Page.self, from: answer.body, what: "\(name): the list of tags")
      tags.formUnion(list.tags ?? [])
      // Of the address only the path counts: behind a proxy, registries name themselves in other ways.
      next = Self.next(answer.headers["link"]).flatMap { page.following($0) }
      next?.origin = base.origin
    }
    // Signatures of other tools lie under tags of this form.
    return tags.filter { !$0.hasPrefix("sha256-") }.sorted(by: NaturalOrder.precedes)
  }

  /// The address in `<address>; rel="next"`; nil for none.
  private static func next(_ header: String?) -> String? {
    guard let header, header.contains("rel=\"next\"") || header.contains("rel=next"),
      let begin = header.firstIndex(of: "<"), let end = header.firstIndex(of: ">"), begin < end
    else { return nil }
    return String(header[header.index(after: begin)..<end])
  }

  // MARK: Blobs

  func contains(_ blob: RemoteBlob, unless interruption: Interruption) throws(StoreError) -> Bool {
    let answer = try follow(
      Exchange(method: "HEAD", address: address("blobs/\(OCIDigest(blob.digest))")), unless: interruption)
    return try answer.tells(of: blob, failure)
  }

  func read(
    _ blob: RemoteBlob, _ range: Range<Int>, through buffer: UnsafeMutableRawBufferPointer,
    unless interruption: Interruption, _ take: @escaping (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    let pieces = Exchange.Pieces(byteCount: range.count, buffer: buffer, take: take)
    let known = redirects.withLock { $0[blob.digest] }.flatMap { $0.end > .now ? $0.address : nil }
    if let known, try read(blob, range, as: pieces, at: known, unless: interruption) { return }
    let origin = address("blobs/\(OCIDigest(blob.digest))")
    guard try read(blob, range, as: pieces, at: origin, unless: interruption) else {
      throw StoreError(
        .system(errno: EACCES), "\(name): where the blob \(OCIDigest(blob.digest)) is, it may not be read")
    }
  }

  /// Reads from one address.
  ///
  /// - Returns: false if that may not be read any more: another address is to be asked for.
  private func read(
    _ blob: RemoteBlob, _ range: Range<Int>, as pieces: Exchange.Pieces, at address: WebAddress,
    unless interruption: Interruption
  ) throws(StoreError) -> Bool {
    let exchange = Exchange(
      method: "GET", address: address, headers: [RangeAnswer.header(range)])
    let answer = try follow(exchange, into: .pieces(pieces), unless: interruption) { target in
      let seconds = Self.lifetime(of: target)
      redirects.withLock { $0[blob.digest] = Redirect(address: target, end: .now + .seconds(seconds)) }
    }
    if answer.status != 206 { redirects.withLock { $0[blob.digest] = nil } }
    if [400, 403].contains(answer.status), address.origin != base.origin { return false }
    try RangeAnswer.check(answer, range, of: blob, name: name) { failure(answer, $0) }
    return true
  }

  /// How long an address may be asked, in seconds: four fifths of what it says itself.
  private static func lifetime(of address: WebAddress) -> Int {
    for field in address.path.split(separator: "?").dropFirst().joined().split(separator: "&") {
      let parts = field.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, ["X-Amz-Expires", "X-Goog-Expires"].contains(String(parts[0])) else { continue }
      return min(86_400, max(0, Int(parts[1]) ?? 0)) * 4 / 5
    }
    return 60
  }
}
