import Glibc
import PosixIO
import StoreRecords
import Tensors
import WeightFormats

/// An OCI image layout behind a web server, or in a bucket that can be read by HTTP: only to read.
///
/// The server has to send ranges of files. `index.json` is asked for whenever a tag is.
final class StaticMirror: RemoteStore {
  let name: String
  private let client: WebClient
  private let base: WebAddress
  private let plainHTTP: Bool

  /// - Parameters:
  ///   - url: of the folder that has `index.json`.
  ///   - plainHTTP: whether what is sent may be read by others on the way.
  init(url: String, plainHTTP: Bool) throws(StoreError) {
    name = url
    self.plainHTTP = plainHTTP
    guard var base = WebAddress(url), !base.path.contains("?") else {
      throw StoreError(.invalidName, "\(url.debugDescription) is no address of a folder on the web")
    }
    if !base.path.hasSuffix("/") { base.path += "/" }
    guard base.isEncrypted || plainHTTP || WebAddress.isLoopback(base.host) else {
      throw StoreError(
        .invalidName,
        "\(url) is not encrypted, so that others on the way can read and change it: use https, or --plain-http")
    }
    self.base = base
    client = try WebClient()
  }

  private func isAllowed(_ address: WebAddress) -> Bool {
    address.isEncrypted || plainHTTP || WebAddress.isLoopback(base.host) && WebAddress.isLoopback(address.host)
  }

  private func ask(
    _ method: String, _ path: String, headers: [String] = [], into sink: Exchange.Sink,
    unless interruption: Interruption
  ) throws(StoreError) -> Answer {
    var address = base
    address.path += path
    let exchange = Exchange(method: method, address: address, headers: headers)
    return try Redirection(name: name, isAllowed: isAllowed).follow(exchange) { (exchange) throws(StoreError) in
      try client.retrying("\(method) \(exchange.address)", unless: interruption) {
        try client.perform(exchange, into: sink, unless: interruption)
      }
    }
  }

  private func failure(_ answer: Answer, _ what: String) -> StoreError {
    let message = "\(name): \(what): \(answer.status)" + (answer.text.isEmpty ? "" : " (\(answer.text))")
    switch answer.status {
    case 401, 403: return StoreError(.system(errno: EACCES), message)
    case 404: return StoreError(.noStore, "\(message); a mirror has the files of an OCI image layout")
    case 416: return StoreError(.damaged, "\(message): it has another size than the manifest says")
    default: return StoreError(.system(errno: EPROTO), message)
    }
  }

  private static func path(of digest: Digest) -> String { "blobs/sha256/\(digest)" }

  private func index(unless interruption: Interruption) throws(StoreError) -> LayoutIndex {
    let answer = try ask(
      "GET", "index.json", headers: ["Cache-Control: no-cache"], into: .memory(limit: LayoutIndex.byteLimit),
      unless: interruption)
    guard answer.status == 200 else { throw failure(answer, "index.json") }
    return try LayoutIndex(answer.body, of: name)
  }

  func digest(of tag: String, unless interruption: Interruption) throws(StoreError) -> Digest? {
    try index(unless: interruption).digest(of: tag, name: name)
  }

  func tags(unless interruption: Interruption) throws(StoreError) -> [String] {
    try index(unless: interruption).tags
  }

  func manifest(_ digest: Digest, unless interruption: Interruption) throws(StoreError) -> [UInt8] {
    let answer = try ask(
      "GET", Self.path(of: digest), into: .memory(limit: ArtifactManifest.byteLimit), unless: interruption)
    guard answer.status == 200 else { throw failure(answer, "the manifest \(OCIDigest(digest))") }
    return answer.body
  }

  func contains(_ blob: RemoteBlob, unless interruption: Interruption) throws(StoreError) -> Bool {
    let answer = try ask("HEAD", Self.path(of: blob.digest), into: .memory(limit: 0), unless: interruption)
    return try answer.tells(of: blob, failure)
  }

  func read(
    _ blob: RemoteBlob, _ range: Range<Int>, through buffer: UnsafeMutableRawBufferPointer,
    unless interruption: Interruption, _ take: @escaping (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    let answer = try ask(
      "GET", Self.path(of: blob.digest), headers: [RangeAnswer.header(range)],
      into: .pieces(.init(byteCount: range.count, buffer: buffer, take: take)), unless: interruption)
    try RangeAnswer.check(answer, range, of: blob, name: name) { failure(answer, $0) }
  }

  // MARK: Writing

  private var readOnly: StoreError {
    StoreError(
      .readOnly,
      "\(name) is a mirror, which can only be read: push to a registry or a folder, and copy that to the web server")
  }

  func write(
    _ blob: RemoteBlob, _ content: LayerContent, progress: @escaping @Sendable (_ bytes: Int) -> Bool
  ) throws(StoreError) -> Int { throw readOnly }

  func setTag(_ tag: String, to manifest: [UInt8], unless interruption: Interruption) throws(StoreError) {
    throw readOnly
  }
}
