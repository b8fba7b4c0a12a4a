import Glibc
import PosixIO
import StoreRecords
import Tensors

extension Registry {
  /// Bytes of one request. A larger blob is sent in parts, so that a break costs less, and a token may end on the way.
  private static let partByteCount = 32 << 20
  /// Bytes of one request at most, whatever a registry asks for.
  private static let longestPart = 1 << 30
  /// How often a blob that comes no further is tried.
  private static let attempts = 3

  func write(
    _ blob: RemoteBlob, _ content: LayerContent, progress: @escaping @Sendable (_ bytes: Int) -> Bool
  ) throws(StoreError) -> Int {
    let interruption = Interruption { !progress(0) }
    // What goes in one request is not resumed.
    let uploads = blob.byteCount > Self.partByteCount ? KeptUploads.usual : KeptUploads(path: nil)
    let kept = uploads.upload(of: blob, to: "\(base)")
    var isFirst = true
    // What another process has sent.
    var known = 0
    var (failures, farthest, hasBeenRefused) = (0, 0, false)
    var told = 0
    while true {
      var position = 0
      // What is sent once more counts once.
      let sent = { (bytes: Int) -> Bool in
        position += bytes
        defer { told = max(told, position) }
        return progress(max(0, position - told))
      }
      do throws(StoreError) {
        let resumed = try resumed(blob, kept, unless: interruption)
        if isFirst { known = resumed?.position ?? 0 }
        if resumed == nil { known = 0 }
        isFirst = false
        if let resumed, resumed.position > farthest { (farthest, failures) = (resumed.position, 0) }
        guard sent(resumed?.position ?? 0) else { throw StoreError(.interrupted, "stopped") }
        let upload = if let resumed { resumed } else { try begin(unless: interruption) }
        let end = try send(blob, content, upload, kept, sent, unless: interruption)
        switch end {
        case .isThere:
          kept.end()
          return known
        case .isLost(let error):
          kept.forget()
          throw error
        case .isRefused(let error):
          kept.forget()
          // What was sent before may have been something else.
          guard resumed != nil, !hasBeenRefused else { throw error }
          hasBeenRefused = true
        }
      } catch {
        failures += 1
        guard Self.mayPass(error), failures < Self.attempts else { throw error }
        if try contains(blob, unless: interruption) {
          kept.end()
          return known
        }
      }
    }
  }

  /// Whether what failed may come right if it is tried again.
  private static func mayPass(_ error: StoreError) -> Bool {
    switch error.code {
    case .system(EHOSTUNREACH), .system(ETIMEDOUT), .system(EBUSY), .unknownVersion: true
    default: false
    }
  }

  /// An upload that the registry knows.
  private struct Upload {
    var address: WebAddress
    /// Bytes of one request.
    var partByteCount: Int
    /// Bytes that the registry has.
    var position = 0
  }

  /// How an upload ended.
  private enum UploadEnd {
    case isThere
    /// The registry knows nothing of it, or has another part of the blob than it should have.
    case isLost(StoreError)
    /// The registry has all bytes, and they have another digest.
    case isRefused(StoreError)
  }

  /// Asks for the upload that is remembered; nil if there is none, or the registry does not know it any more.
  ///
  /// - Throws: what asking the registry itself throws.
  private func resumed(
    _ blob: RemoteBlob, _ kept: KeptUpload, unless interruption: Interruption
  ) throws(StoreError) -> Upload? {
    guard let place = kept.place else { return nil }
    guard let address = WebAddress(place.address), isAllowed(address) else {
      kept.forget()
      return nil
    }
    let answer: Answer
    do throws(StoreError) {
      answer = try send(Exchange(method: "GET", address: address), isPush: true, unless: interruption)
    } catch {
      if case .interrupted = error.code { throw error }
      // Another host may be gone for good.
      guard address.origin != base.origin else { throw error }
      kept.forget()
      return nil
    }
    // A server that is busy may know it later; whoever begins anew then forgets it.
    if answer.status >= 500 { return nil }
    // 204 in the specification; some say 200 or 202. 0-0 may mean a byte, or none: too little to go on from.
    guard (200..<300).contains(answer.status), let count = Self.byteCount(answer.headers["range"]),
      (2...blob.byteCount).contains(count),
      let next = address.following(answer.headers["location"] ?? "\(address)"), isAllowed(next)
    else {
      kept.forget()
      return nil
    }
    return Upload(address: next, partByteCount: Self.partByteCount(place.partByteCount), position: count)
  }

  /// How many bytes there are if an upload has those of a range: `0-9` is 10; nil if it says something else.
  private static func byteCount(_ range: String?) -> Int? {
    guard let range, let match = range.wholeMatch(of: /(bytes[= ])?0-([0-9]{1,18})/), let last = Int(match.output.2)
    else { return nil }
    return last + 1
  }

  /// Bytes of one request to a registry that asks for so many at least.
  private static func partByteCount(_ asked: Int?) -> Int { max(partByteCount, min(longestPart, asked ?? 0)) }

  private func begin(unless interruption: Interruption) throws(StoreError) -> Upload {
    let begun = try send(
      Exchange(
        method: "POST", address: address("blobs/uploads/"), body: .init(content: .bytes([]), range: 0..<0)),
      isPush: true, unless: interruption)
    guard begun.status == 202 else { throw failure(begun, "an upload was not begun") }
    let asked = begun.headers["oci-chunk-min-length"].flatMap { Int($0) }
    return Upload(address: try location(of: begun, from: base), partByteCount: Self.partByteCount(asked))
  }

  /// Sends what an upload lacks.
  ///
  /// - Throws: what asking the registry throws; then the upload may go on with what `kept` has.
  private func send(
    _ blob: RemoteBlob, _ content: LayerContent, _ upload: Upload, _ kept: KeptUpload, _ sent: @escaping (Int) -> Bool,
    unless interruption: Interruption
  ) throws(StoreError) -> UploadEnd {
    var upload = upload
    let isResumed = upload.position > 0
    if blob.byteCount > upload.partByteCount || isResumed {
      keep(upload, in: kept)
      while upload.position < blob.byteCount {
        let part = upload.position..<min(upload.position + upload.partByteCount, blob.byteCount)
        let answer = try send(
          Exchange(
            method: "PATCH", address: upload.address,
            headers: [
              "Content-Type: application/octet-stream", "Content-Range: \(part.lowerBound)-\(part.upperBound - 1)",
            ], body: .init(content: content, range: part), patience: 60),
          isPush: true, isSafe: false, unless: interruption, sent: sent)
        guard answer.status == 202 else { return try end(answer, "an upload was cut off", isResumed: isResumed) }
        upload.address = try location(of: answer, from: upload.address)
        upload.position = part.upperBound
        keep(upload, in: kept)
      }
    }
    let answer = try send(
      Exchange(
        method: "PUT", address: upload.address.adding("digest", "\(OCIDigest(blob.digest))"),
        headers: ["Content-Type: application/octet-stream"],
        // A registry may copy all of it before it answers.
        body: .init(content: content, range: upload.position..<blob.byteCount), patience: 600),
      isPush: true, isSafe: false, unless: interruption, sent: sent)
    if answer.status == 201 { return .isThere }
    if answer.status == 400, failure(answer, "").message.contains("DIGEST_INVALID") {
      return .isRefused(
        StoreError(
          .damaged,
          "\(name) got other bytes than the blob \(OCIDigest(blob.digest)) has: try again, and run tantra validate if it stays "
            + "so"))
    }
    return try end(answer, "a blob was not taken", isResumed: isResumed)
  }

  private func keep(_ upload: Upload, in kept: KeptUpload) {
    kept.keep(.init(address: "\(upload.address)", partByteCount: upload.partByteCount))
  }

  /// What an answer that is no success means for an upload.
  ///
  /// - Throws: the error of any other failure.
  private func end(_ answer: Answer, _ what: String, isResumed: Bool) throws(StoreError) -> UploadEnd {
    let isLost =
      switch answer.status {
      case 404, 410, 416: true
      // What is found wrong with an upload may be what another process has sent, or an address that has ended.
      case 400..<500: isResumed && ![401, 413, 429].contains(answer.status)
      default: false
      }
    let error = failure(answer, what)
    if isLost { return .isLost(StoreError(.unknownVersion, error.message)) }
    throw error
  }

  /// Where an upload goes on.
  private func location(of answer: Answer, from address: WebAddress) throws(StoreError) -> WebAddress {
    guard let text = answer.headers["location"], let place = address.following(text), isAllowed(place) else {
      throw StoreError(
        .system(errno: EPROTO),
        "\(name) does not say where an upload goes on: \(answer.headers["location"]?.debugDescription ?? "nothing")")
    }
    return place
  }
}
