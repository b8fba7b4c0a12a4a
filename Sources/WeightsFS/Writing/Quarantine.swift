import StoreRecords
import Synchronization
import Tensors
import WeightFormats
import WeightRegistry

/// Which files beside the weights are pickles that would do more than hold data. Each content is looked at once.
final class Quarantine: Sendable {
  private static let extensions: Set<Substring> = ["pt", "pth", "bin", "ckpt", "pkl"]
  private let verdicts = Mutex<[Content: String?]>([:])

  /// What a file's bytes are known by.
  enum Content: Hashable, Sendable {
    case blob(Digest)
    case upload(String)
  }

  /// Why a file must not be read; nil if it may.
  func reason(against path: String, _ content: Content, _ source: VersionView) -> String? {
    guard let dot = path.lastIndex(of: "."), Self.extensions.contains(path[path.index(after: dot)...]) else {
      return nil
    }
    if let known = verdicts.withLock({ $0[content] }) { return known }
    var verdict: String?
    do throws(FormatError) {
      try PickleSafety.check(source)
    } catch {
      verdict = error.message
    }
    verdicts.withLock { $0[content] = .some(verdict) }
    return verdict
  }
}
