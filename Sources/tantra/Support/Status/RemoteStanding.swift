import PosixIO
import StoreClient
import StoreRecords
import Tensors

/// How a mounted remote stands, as `.control/status` tells it.
struct RemoteStanding: Encodable {
  /// What is mounted.
  var reference: String
  /// Whether the last request was answered.
  var isAnswering: Bool
  /// Bytes of weights that the cache holds, and of all.
  var cachedBytes: Int
  var wholeBytes: Int
  var errors: Int
  /// When something came last, in seconds since 1970; nil for never.
  var lastContact: Int64?
  var lastError: String?

  /// nil for the mount of a store, and where nothing is told in time.
  init?(mountpoint: String) {
    do throws(PosixError) {
      let control = ControlFolder(mountpoint: mountpoint)
      guard let status = try control.text(of: "status", within: StoreClient.patience) else { return nil }
      self.init(status: status)
    } catch {
      return nil
    }
  }

  init?(status: String) {
    var lines: [Substring: String] = [:]
    for line in status.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      if parts.count == 2 { lines[parts[0]] = String(parts[1]) }
    }
    guard let reference = lines["remote"] else { return nil }
    func number(_ name: String) -> Int? { lines["remote_\(name)"].flatMap { Int($0) } }
    self.reference = reference
    isAnswering = number("up") == 1
    cachedBytes = number("cached_bytes") ?? 0
    wholeBytes = number("whole_bytes") ?? 0
    errors = number("errors") ?? 0
    lastContact = number("last_contact").map { Int64($0) }
    lastError = lines["remote_last_error"]
  }

  var text: String {
    let contact =
      lastContact.map { "last contact \(Timestamp.text($0 * 1_000_000_000))" } ?? "no contact since it was mounted"
    return "\(reference), \(ByteCount(bytes: cachedBytes)) of \(ByteCount(bytes: wholeBytes)) in the cache, \(contact)"
      + (isAnswering ? "" : "; it does not answer: \(lastError ?? "no reason")")
  }
}
