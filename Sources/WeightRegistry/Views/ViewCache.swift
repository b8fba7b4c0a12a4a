import StoreRecords
import Synchronization
import Tensors

/// The views put together last, by what they depend on, so that the next open of one costs nothing; as many as a bound of
/// memory allows. A view that is larger than that by itself is known for as long as somebody has it open.
final class ViewCache: Sendable {
  /// What the bytes of a view depend on.
  enum Key: Hashable, Sendable {
    /// A table, and the view that is made of it.
    case synthesized(Digest, String)
    /// The id of a written file, and the table that says where its parts are.
    case stitched(Digest, Digest)
    /// What a derived file depends on, and its name.
    case derived(Digest, String)
  }

  private struct Entry: Sendable {
    var view: VersionView
    var memoryByteCount: Int
    var lastUse: UInt64
  }

  /// A view that is kept by those who have it open.
  private struct Borrowed: Sendable {
    weak let view: VersionView?
  }

  private struct State: Sendable {
    var entries: [Key: Entry] = [:]
    var borrowed: [Key: Borrowed] = [:]
    var memoryByteCount = 0
    var clock: UInt64 = 0
    /// Rises when everything is forgotten: what was put together before is not kept then.
    var generation: UInt64 = 0

    mutating func remove(_ key: Key) {
      guard let entry = entries.removeValue(forKey: key) else { return }
      memoryByteCount -= entry.memoryByteCount
    }
  }

  /// Views that are kept.
  private static let capacity = 32
  /// Bytes of memory that they may have together.
  private static let memoryByteLimit = 8 << 20
  private let state = Mutex(State())

  /// The view of a key, made by `make` unless it is known.
  func view(of key: Key, _ make: () throws(StoreError) -> VersionView) throws(StoreError) -> VersionView {
    let (known, generation) = state.withLock { state -> (VersionView?, UInt64) in
      state.clock += 1
      state.entries[key]?.lastUse = state.clock
      return (state.entries[key]?.view ?? state.borrowed[key]?.view, state.generation)
    }
    if let known { return known }
    let made = try make()
    let memoryByteCount = made.memoryByteCount
    state.withLock { state in
      guard state.generation == generation else { return }
      state.clock += 1
      guard memoryByteCount <= Self.memoryByteLimit else {
        state.borrowed = state.borrowed.filter { $0.value.view != nil }
        state.borrowed[key] = Borrowed(view: made)
        return
      }
      state.remove(key)
      state.entries[key] = Entry(view: made, memoryByteCount: memoryByteCount, lastUse: state.clock)
      state.memoryByteCount += memoryByteCount
      while state.entries.count > Self.capacity || state.memoryByteCount > Self.memoryByteLimit,
        let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
      {
        state.remove(oldest)
      }
    }
    return made
  }

  /// Forgets all views.
  func removeAll() {
    state.withLock { state in
      state.entries.removeAll()
      state.borrowed.removeAll()
      state.memoryByteCount = 0
      state.generation += 1
    }
  }
}
