import StoreRecords
import Synchronization
import Tensors

/// The views put together last, by what they depend on, so that the next open of one costs nothing.
final class ViewCache: Sendable {
  /// What the bytes of a view depend on.
  enum Key: Hashable, Sendable {
    /// A table, and the view that is made of it.
    case synthesized(Digest, String)
    /// The id of a written file, and the table that says where its parts are.
    case stitched(Digest, Digest)
  }

  private struct Entry: Sendable {
    var view: VersionView
    var lastUse: UInt64
  }

  private struct State: Sendable {
    var entries: [Key: Entry] = [:]
    var clock: UInt64 = 0
    /// Rises when everything is forgotten: what was put together before is not kept then.
    var generation: UInt64 = 0
  }

  private static let capacity = 32
  private let state = Mutex(State())

  /// The view of a key, made by `make` unless it is known.
  func view(of key: Key, _ make: () throws(StoreError) -> VersionView) throws(StoreError) -> VersionView {
    let (known, generation) = state.withLock { state -> (VersionView?, UInt64) in
      state.clock += 1
      state.entries[key]?.lastUse = state.clock
      return (state.entries[key]?.view, state.generation)
    }
    if let known { return known }
    let made = try make()
    state.withLock { state in
      guard state.generation == generation else { return }
      state.clock += 1
      state.entries[key] = Entry(view: made, lastUse: state.clock)
      guard state.entries.count > Self.capacity else { return }
      if let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
        state.entries[oldest] = nil
      }
    }
    return made
  }

  /// Forgets all views.
  func removeAll() {
    state.withLock { state in
      state.entries.removeAll()
      state.generation += 1
    }
  }
}
