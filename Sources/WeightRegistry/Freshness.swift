import PosixIO
import Synchronization

/// Tells a reader whether another process has changed the store's records.
final class Freshness: Sendable {
  private struct State: Sendable {
    var looked: ContinuousClock.Instant?
    /// Modification times of `weight_config.json` and of the folders that hold manifests.
    var stamps: [String: Int64] = [:]
  }

  /// Within this time a change may go unseen.
  private static let interval = Duration.milliseconds(250)
  private let state = Mutex(State())

  /// Whether the records differ from those of the last look; false if that was just now, or if they cannot be looked at.
  func hasChanged(_ store: StoreFolder) -> Bool {
    let now = ContinuousClock.now
    let isDue = state.withLock { state in
      if let looked = state.looked, now - looked < Self.interval { return false }
      state.looked = now
      return true
    }
    guard isDue else { return false }
    do throws(PosixError) {
      let stamps = try Self.stamps(of: store)
      return state.withLock { state in
        let changed = state.stamps != stamps
        state.stamps = stamps
        return changed
      }
    } catch {
      return false
    }
  }

  private static func stamps(of store: StoreFolder) throws(PosixError) -> [String: Int64] {
    var stamps: [String: Int64] = [:]
    stamps[StoreFolder.configName] = try store.root.status(of: StoreFolder.configName)?.modified
    for (label, folder) in [("models", store.models), ("checkpoints", store.checkpoints)] {
      guard let folder else { continue }
      for model in try folder.names() { stamps["\(label)/\(model)"] = try folder.status(of: model)?.modified }
    }
    return stamps
  }
}
