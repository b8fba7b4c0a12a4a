import PosixIO
import Synchronization

/// Tells a reader what another process has changed in the store's records.
final class Freshness: Sendable {
  /// What differs from the last look.
  struct Change: Sendable {
    /// Whether that was the first look, so that anything may differ.
    var isEverything = false
    /// Whether `weight_config.json` does.
    var config = false
    /// Models of which a manifest may have come, gone or been replaced.
    var models: Set<ModelName> = []

    var isEmpty: Bool { !isEverything && !config && models.isEmpty }
  }

  /// Modification times, in nanoseconds since 1970.
  private struct Stamps: Sendable, Equatable {
    var config: Int64?
    var models: [ModelName: Int64] = [:]
    var checkpoints: [ModelName: Int64] = [:]
  }

  private struct State: Sendable {
    var looked: ContinuousClock.Instant?
    var stamps: Stamps?
  }

  /// Within this time a change may go unseen.
  private static let interval = Duration.milliseconds(250)
  private let state = Mutex(State())

  /// What has changed since the last look; nil for nothing, if that was just now, or if the records cannot be looked at.
  ///
  /// - Parameter atOnce: whether to look even so, and to take everything as changed.
  func change(of store: StoreFolder, atOnce: Bool) -> Change? {
    let now = ContinuousClock.now
    let isDue = state.withLock { state in
      if !atOnce, let looked = state.looked, now - looked < Self.interval { return false }
      state.looked = now
      return true
    }
    guard isDue else { return nil }
    do throws(PosixError) {
      let stamps = try Self.stamps(of: store)
      let change = state.withLock { state in
        defer { state.stamps = stamps }
        return Self.difference(state.stamps, stamps)
      }
      return atOnce ? Change(isEverything: true) : change.isEmpty ? nil : change
    } catch {
      return atOnce ? Change(isEverything: true) : nil
    }
  }

  /// Lets the next look take everything as changed.
  func forget() { state.withLock { $0 = State() } }

  private static func difference(_ old: Stamps?, _ new: Stamps) -> Change {
    guard let old else { return Change(isEverything: true) }
    if old == new { return Change() }
    var change = Change(config: old.config != new.config)
    for stamps in [\Stamps.models, \.checkpoints] {
      let (before, after) = (old[keyPath: stamps], new[keyPath: stamps])
      change.models.formUnion(after.keys.filter { before[$0] != after[$0] })
      change.models.formUnion(before.keys.filter { after[$0] == nil })
    }
    return change
  }

  private static func stamps(of store: StoreFolder) throws(PosixError) -> Stamps {
    func times(_ folder: Folder?) throws(PosixError) -> [ModelName: Int64] {
      var times: [ModelName: Int64] = [:]
      for name in try folder?.names() ?? [] {
        if let model = ModelName(name) { times[model] = try folder?.status(of: name)?.modified }
      }
      return times
    }
    return Stamps(
      config: try store.root.status(of: StoreFolder.configName)?.modified, models: try times(store.models),
      checkpoints: try times(store.checkpoints))
  }
}
