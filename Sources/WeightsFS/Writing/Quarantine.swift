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
  /// - Throws: `unreadable`, if its bytes cannot be read now.
  func reason(against file: VersionView, _ blob: Digest?) throws(FormatError) -> String? {
    if let blob, let known = verdicts.withLock({ $0[blob] }) { return known }
    let verdict = try file.danger()
    guard let blob else { return verdict }
    verdicts.withLock { verdicts in
      if verdicts.count >= Self.limit { verdicts.removeAll() }
      verdicts[blob] = .some(verdict)
    }
    return verdict
  }
}
