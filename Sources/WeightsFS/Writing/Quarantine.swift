import StoreRecords
import Synchronization
import Tensors
import WeightFormats
import WeightRegistry

/// Which files beside the weights are pickles that would do more than hold data, whatever their names. Each content is looked at
/// once.
final class Quarantine: Sendable {
  private let verdicts = Mutex<[Content: String?]>([:])
  /// Contents that are remembered.
  private static let limit = 1 << 15

  /// What a file's bytes are known by.
  enum Content: Hashable, Sendable {
    case blob(Digest)
    /// A file that is not hashed, as it was at a time.
    case upload(String, byteCount: Int, modified: Int64)
  }

  /// Why a file must not be read; nil if it may.
  func reason(against path: String, _ content: Content, _ source: VersionView) -> String? {
    if let known = verdicts.withLock({ $0[content] }) { return known }
    var verdict: String?
    do throws(FormatError) {
      try PickleSafety.check(source)
    } catch {
      // What cannot be read now may be readable later.
      guard error.code != .unreadable else { return error.message }
      verdict = error.message
    }
    verdicts.withLock { verdicts in
      if verdicts.count >= Self.limit { verdicts.removeAll() }
      verdicts[content] = .some(verdict)
    }
    return verdict
  }
}
