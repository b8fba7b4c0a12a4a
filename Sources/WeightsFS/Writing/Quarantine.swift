import Synchronization
import Tensors
import WeightFormats
import WeightRegistry

/// Which files beside the weights are pickles that would do more than hold data, whatever their names. Each blob is looked at
/// once; other files may change, and are looked at each time.
final class Quarantine: Sendable {
  private let verdicts = Mutex<[Digest: String?]>([:])
  /// Blobs that are remembered.
  private static let limit = 1 << 15

  /// Why a file must not be read; nil if it may.
  ///
  /// - Parameter blob: what the file is; nil if it is no blob.
  func reason(against file: VersionView, _ blob: Digest?) -> String? {
    if let blob, let known = verdicts.withLock({ $0[blob] }) { return known }
    let verdict: String?
    do throws(FormatError) { verdict = try file.danger() } catch {
      // What cannot be read now may be readable later.
      return error.message
    }
    guard let blob else { return verdict }
    verdicts.withLock { verdicts in
      if verdicts.count >= Self.limit { verdicts.removeAll() }
      verdicts[blob] = .some(verdict)
    }
    return verdict
  }
}
