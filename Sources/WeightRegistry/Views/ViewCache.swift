import Synchronization

/// The views opened last, so that the next open of one costs nothing.
final class ViewCache: Sendable {
  struct Key: Hashable, Sendable {
    var model: ModelName
    var version: VersionName
    var view: String
  }

  private struct Entry: Sendable {
    var view: VersionView
    var lastUse: UInt64
  }

  private struct State: Sendable {
    var entries: [Key: Entry] = [:]
    var clock: UInt64 = 0
  }

  private static let capacity = 32
  private let state = Mutex(State())

  subscript(key: Key) -> VersionView? {
    state.withLock { state in
      state.clock += 1
      state.entries[key]?.lastUse = state.clock
      return state.entries[key]?.view
    }
  }

  /// Keeps `view`, and lets go of the one unused for longest if there are too many.
  func insert(_ view: VersionView, for key: Key) {
    state.withLock { state in
      state.clock += 1
      state.entries[key] = Entry(view: view, lastUse: state.clock)
      guard state.entries.count > Self.capacity else { return }
      if let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
        state.entries[oldest] = nil
      }
    }
  }

  /// Forgets all views.
  func removeAll() { state.withLock { $0.entries.removeAll() } }

  /// Forgets the views of a version, because one of them has other bytes now.
  func removeAll(of model: ModelName, _ version: VersionName) {
    state.withLock { state in
      state.entries = state.entries.filter { $0.key.model != model || $0.key.version != version }
    }
  }
}
