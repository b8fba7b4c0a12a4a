import Glibc
import PosixIO
import StoreRecords
import Tensors

extension Registry {
  /// Bytes of one request. A larger blob is sent in parts, so that a break costs less, and a token may end on the way.
  private static let partByteCount = 32 << 20
  /// How often a blob is begun anew.
  private static let attempts = 3

  func write(
    _ blob: RemoteBlob, _ content: LayerContent, progress: @escaping @Sendable (_ bytes: Int) -> Bool
  ) throws(StoreError) {
    let interruption = Interruption { !progress(0) }
    var told = 0
    for attempt in 1... {
      var position = 0
      // What is sent once more counts once.
      let sent = { (bytes: Int) -> Bool in
        position += bytes
        defer { told = max(told, position) }
        return progress(max(0, position - told))
      }
      do throws(StoreError) {
        return try upload(blob, content, sent, unless: interruption)
      } catch {
        // What breaks in the middle of a part makes older registries forget all of it.
        let isBroken: Bool =
          switch error.code {
          case .system(EHOSTUNREACH), .system(ETIMEDOUT), .system(EBUSY), .unknownVersion: true
          default: false
          }
        guard isBroken, attempt < Self.attempts else { throw error }
        if try contains(blob, unless: interruption) { return }
      }
    }
  }

  private func upload(
    _ blob: RemoteBlob, _ content: LayerContent, _ sent: @escaping (Int) -> Bool, unless interruption: Interruption
  ) throws(StoreError) {
    let begun = try send(
      Exchange(
        method: "POST", address: address("blobs/uploads/"), body: .init(content: .bytes([]), range: 0..<0)),
      isPush: true, unless: interruption)
    guard begun.status == 202 else { throw failure(begun, "an upload was not begun") }
    var place = try location(of: begun, from: base)
    let partByteCount = max(
      Self.partByteCount, min(1 << 30, begun.headers["oci-chunk-min-length"].flatMap { Int($0) } ?? 0))
    var start = 0
    if blob.byteCount > partByteCount {
      while start < blob.byteCount {
        let part = start..<min(start + partByteCount, blob.byteCount)
        let answer = try send(
          Exchange(
            method: "PATCH", address: place,
            headers: [
              "Content-Type: application/octet-stream", "Content-Range: \(part.lowerBound)-\(part.upperBound - 1)",
            ], body: .init(content: content, range: part), patience: 60),
          isPush: true, isSafe: false, unless: interruption, sent: sent)
        guard answer.status == 202 else { throw failure(answer, "an upload was cut off") }
        place = try location(of: answer, from: place)
        start = part.upperBound
      }
    }
    let end = try send(
      Exchange(
        method: "PUT", address: place.adding("digest", "\(OCIDigest(blob.digest))"),
        headers: ["Content-Type: application/octet-stream"],
        // A registry may copy all of it before it answers.
        body: .init(content: content, range: start..<blob.byteCount), patience: 600),
      isPush: true, isSafe: false, unless: interruption, sent: sent)
    guard end.status == 201 else {
      let error = failure(end, "a blob was not taken")
      guard end.status == 400, error.message.contains("DIGEST_INVALID") else { throw error }
      throw StoreError(
        .damaged,
        "\(name) got other bytes than the blob \(OCIDigest(blob.digest)) has: try again, and run tantra validate if it stays so"
      )
    }
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
