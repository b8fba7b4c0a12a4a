import Synchronization
import Tensors
import WeightFormats
import WeightRegistry

/// Which files beside the weights are pickles that would do more than hold data. Each blob is looked at once.
final class Quarantine: Sendable {
  private static let extensions: Set<Substring> = ["pt", "pth", "bin", "ckpt", "pkl"]
  private let verdicts = Mutex<[Digest: String?]>([:])

  /// Why a file must not be opened; nil if it may.
  func reason(against sidecar: Manifest.Sidecar, _ source: VersionView) -> String? {
    guard let dot = sidecar.path.lastIndex(of: "."),
      Self.extensions.contains(sidecar.path[sidecar.path.index(after: dot)...])
    else { return nil }
    if let known = verdicts.withLock({ $0[sidecar.blob] }) { return known }
    var verdict: String?
    do throws(FormatError) {
      try PickleSafety.check(source)
    } catch {
      verdict = error.message
    }
    verdicts.withLock { $0[sidecar.blob] = .some(verdict) }
    return verdict
  }
}
