import Synchronization
import Tensors

/// Which blobs are differences from which others, as the files of a store say.
///
/// It is read once, and kept up to date by the one process that changes the store. What is a base is never removed, and never becomes a
/// difference itself: so whatever is there can be read.
final class BaseTable: Sendable {
  private struct State: Sendable {
    var bases: [Digest: Set<Digest>] = [:]
    /// How many blobs are differences from each.
    var uses: [Digest: Int] = [:]

    mutating func set(_ new: Set<Digest>, of blob: Digest) {
      for base in bases[blob] ?? [] { uses[base] = uses[base].flatMap { $0 > 1 ? $0 - 1 : nil } }
      bases[blob] = new.isEmpty ? nil : new
      for base in new { uses[base, default: 0] += 1 }
    }
  }

  /// nil as long as nobody has read it.
  private let state = Mutex<State?>(nil)

  /// Takes what the files say; for one who lets nobody change them meanwhile. Once is enough.
  func read<E: Error>(_ bases: () throws(E) -> [Digest: Set<Digest>]) throws(E) {
    if state.withLock({ $0 != nil }) { return }
    var read = State()
    for (blob, bases) in try bases() { read.set(bases, of: blob) }
    let state = read
    self.state.withLock { $0 = $0 ?? state }
  }

  /// Notes what a blob is a difference from now: nothing, if it is plain or gone.
  func set(_ bases: Set<Digest>, of blob: Digest) { state.withLock { $0?.set(bases, of: blob) } }

  /// All differences, and what each is one from.
  var all: [Digest: Set<Digest>] { state.withLock { $0?.bases ?? [:] } }

  /// What a blob is a difference from.
  func bases(of blob: Digest) -> Set<Digest> { state.withLock { $0?.bases[blob] ?? [] } }

  /// Whether some blob is a difference from this one.
  func isBase(_ blob: Digest) -> Bool { state.withLock { $0?.uses[blob] != nil } }

  /// Which blobs are differences from this one.
  func differences(from base: Digest) -> [Digest] {
    state.withLock { state in
      guard let state, state.uses[base] != nil else { return [] }
      return state.bases.compactMap { $0.value.contains(base) ? $0.key : nil }
    }
  }
}
