import Synchronization
package import Tensors

/// Blobs that stay, whatever a sweep finds, for as long as this lives: no record names them yet, or somebody is about to copy
/// what names them.
///
/// Pin a blob before you look whether it is there: a sweep removes no blob that was pinned since it began.
package final class BlobPins: Sendable {
  private let table: BlobPinTable
  private let pinned = Mutex<[Digest]>([])

  init(_ table: BlobPinTable) { self.table = table }

  deinit { table.unpin(pinned.withLock { $0 }) }

  /// Pins blobs, whether or not they are there.
  package func pin(_ blobs: some Sequence<Digest>) {
    let blobs = Array(blobs)
    pinned.withLock { $0 += blobs }
    table.pin(blobs)
  }
}

/// Which blobs are pinned, and what a sweep that is under way must leave.
final class BlobPinTable: Sendable {
  private struct State: Sendable {
    var counts: [Digest: Int] = [:]
    /// What was pinned or named since the sweep began; nil while there is none.
    var noted: Set<Digest>?
  }

  private let state = Mutex(State())

  func pin(_ blobs: [Digest]) {
    state.withLock { state in
      for blob in blobs { state.counts[blob, default: 0] += 1 }
      state.noted?.formUnion(blobs)
    }
  }

  func unpin(_ blobs: [Digest]) {
    state.withLock { state in
      for blob in blobs {
        guard let count = state.counts[blob] else { continue }
        state.counts[blob] = count > 1 ? count - 1 : nil
      }
    }
  }

  /// Lets a sweep that is under way leave blobs, because a record names them now.
  func note(_ blobs: some Sequence<Digest>) { state.withLock { $0.noted?.formUnion(blobs) } }

  func beginSweep() { state.withLock { $0.noted = Set($0.counts.keys) } }
  func endSweep() { state.withLock { $0.noted = nil } }

  /// Runs `remove`, a step of moments, unless the blob is pinned or noted. Nobody can pin it meanwhile.
  func removeUnlessPinned<R, E: Error>(_ blob: Digest, _ remove: () throws(E) -> R) throws(E) -> R? {
    try state.withLock { (state) throws(E) -> R? in
      if state.counts[blob] != nil || state.noted?.contains(blob) == true { return nil }
      return try remove()
    }
  }
}
