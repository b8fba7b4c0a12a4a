import StoreRecords
import Synchronization
import WeightRegistry

/// Files and links that were added to frozen versions a moment ago. Programs make one under a passing name first and rename it, and
/// remove it if that is refused; or write a file in several steps. So long as it is new, and no weights, it may change.
final class Additions: Sendable {
  /// How long something is new, in nanoseconds.
  private static let patience: Int64 = 60_000_000_000
  private static let limit = 1024

  /// When each was made, in nanoseconds since 1970.
  private let made = Mutex<[FilePlace: Int64]>([:])

  /// Whether something is new in a frozen version.
  func contains(_ place: FilePlace, of folder: VersionFolder) -> Bool {
    guard let time = made.withLock({ $0[place] }) else { return false }
    return Timestamp.now() &- time < Self.patience && !folder.isPublishedWeights(place.path)
  }

  /// What takes a file or link out of its folder; nothing if there is none. What is new leaves nothing that a restore brings back.
  func removal(of place: FilePlace, from folder: VersionFolder) -> [FolderChange] {
    guard let removal = folder.removal(of: place.path) else { return [] }
    return contains(place, of: folder) ? folder.removalForGood(of: place.path) : [removal]
  }

  /// Notes that a file or link was made, if its version is frozen.
  func note(_ place: FilePlace, in tree: MountedTree) throws(FileSystemError) {
    guard try tree.step(try tree.registry.freezing.isFrozen(place.model, place.version)) else { return }
    made.withLock { made in
      let now = Timestamp.now()
      if made.count >= Self.limit { made = made.filter { now &- $0.value < Self.patience } }
      if made.count < Self.limit { made[place] = now }
    }
  }

  func forget(_ place: FilePlace) { made.withLock { $0[place] = nil } }

  func move(_ from: FilePlace, to: FilePlace) { made.withLock { $0[to] = $0.removeValue(forKey: from) } }
}
