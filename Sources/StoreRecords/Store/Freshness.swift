import PosixIO
import Synchronization

/// Tells a reader that another process has changed the store's records.
final class Freshness: Sendable {
  /// What a look at the store sees. Programs that write it raise the number; other ways to change a store show in times.
  private struct Stamps: Sendable, Equatable {
    var number: UInt64
    /// mtime of `weight_config.json`, in nanoseconds since 1970.
    var config: Int64?
    /// mtimes of models' folders of manifests.
    var models: [String: Int64]
  }

  private struct State: Sendable {
    var looked: ContinuousClock.Instant?
    var stamps: Stamps?
  }

  /// Within this time a change may go unseen.
  private static let interval = Duration.milliseconds(250)
  private let state = Mutex(State())

  /// Whether something has changed since the last look. False if that was just now, or if the records cannot be looked at.
  ///
  /// - Parameter atOnce: whether to look even so, and to take everything as changed.
  func hasChanged(_ store: StoreFolder, atOnce: Bool) -> Bool {
    let now = ContinuousClock.now
    let isDue = state.withLock { state in
      if !atOnce, let looked = state.looked, now - looked < Self.interval { return false }
      state.looked = now
      return true
    }
    guard isDue else { return false }
    do throws(PosixError) {
      let stamps = try Self.stamps(of: store)
      let isOther = state.withLock { state in
        defer { state.stamps = stamps }
        return state.stamps != stamps
      }
      return atOnce || isOther
    } catch {
      return atOnce
    }
  }

  /// Lets the next look take everything as changed.
  func forget() { state.withLock { $0 = State() } }

  private static func stamps(of store: StoreFolder) throws(PosixError) -> Stamps {
    // The number first: what changes after it is read counts as the next change.
    var stamps = Stamps(
      number: try store.changeNumber(), config: try store.root.status(of: StoreFolder.configName)?.modified, models: [:]
    )
    for (folder, kind) in store.manifestFolders {
      for name in try folder.names() { stamps.models["\(kind)/\(name)"] = try folder.status(of: name)?.modified }
    }
    return stamps
  }
}
