import StoreRecords
import Synchronization
import WeightRegistry

/// Why the last change of a version's folder was refused: its xattr `user.tantra.last_error`.
final class Refusals: Sendable {
  private struct Key: Hashable, Sendable {
    var model: ModelName
    var version: VersionName
  }

  private let reasons = Mutex<[Key: String]>([:])

  /// The last refusal; nil if there was none since this mount began.
  subscript(model: ModelName, version: VersionName) -> String? {
    get { reasons.withLock { $0[Key(model: model, version: version)] } }
    set { reasons.withLock { $0[Key(model: model, version: version)] = newValue } }
  }
}
