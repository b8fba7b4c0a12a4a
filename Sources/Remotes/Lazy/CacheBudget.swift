import PosixIO
import Synchronization

/// How much the cache may hold. Space is reserved before anything is fetched into it; what was read longest ago gives its place to
/// what comes.
final class CacheBudget: Sendable {
  private struct State: Sendable {
    var used = 0
    /// Of that, bytes of blobs that stay as long as the mount does.
    var wholeByteCount = 0
    /// Whether the last reservation found no place.
    var isTight = false
    var clock: UInt64 = 0
    var blobs: [LazyBlob] = []
  }

  /// Bytes that the cache may hold.
  let limit: Int
  private let folder: Folder
  private let state = Mutex(State())

  /// - Parameters:
  ///   - limit: nil for a fifth of the disk, at most 100 GB.
  ///   - folder: where the cache is.
  init(limit: Int?, in folder: Folder) throws(PosixError) {
    self.folder = folder
    let volume = try folder.volume()
    self.limit = limit ?? min(volume.capacity / 5, 100_000_000_000)
  }

  /// Bytes that the cache holds.
  var used: Int { state.withLock { $0.used } }
  /// Whether there is no place even if others go.
  var isTight: Bool { state.withLock { $0.isTight } }

  /// Counts what a blob's file holds from an earlier mount, and lets parts of it go when space is needed.
  func add(_ blob: LazyBlob, holding byteCount: Int) {
    state.withLock { state in
      state.used += byteCount
      state.blobs.append(blob)
    }
  }

  /// Forgets all blobs: nothing is read any more.
  func forgetAll() { state.withLock { $0.blobs = [] } }

  /// A time that rises with each use.
  func tick() -> UInt64 {
    state.withLock { state in
      state.clock += 1
      return state.clock
    }
  }

  /// Makes room for bytes that are about to be written; false if there is none.
  func reserve(_ byteCount: Int) -> Bool {
    while true {
      let isReserved =
        hasRoomOnDisk(byteCount)
        && state.withLock { state in
          guard state.used + byteCount <= limit else { return false }
          state.used += byteCount
          state.isTight = false
          return true
        }
      if isReserved { return true }
      guard giveOldestBack() else {
        state.withLock { $0.isTight = true }
        return false
      }
    }
  }

  /// Counts what lies in the cache and belongs to no blob that is mounted.
  func count(_ byteCount: Int) { state.withLock { $0.used += byteCount } }

  func release(_ byteCount: Int) { state.withLock { $0.used = max(0, $0.used - byteCount) } }

  /// Lets a blob stay as a whole for as long as the mount lives, so that the kernel may read its file; half of the cache is kept
  /// for others.
  func keepWhole(_ byteCount: Int) -> Bool {
    state.withLock { state in
      guard state.wholeByteCount + byteCount <= limit / 2 else { return false }
      state.wholeByteCount += byteCount
      return true
    }
  }

  /// A twentieth of the disk stays free.
  private func hasRoomOnDisk(_ byteCount: Int) -> Bool {
    do throws(PosixError) {
      let volume = try folder.volume()
      return volume.available - byteCount >= volume.capacity / 20
    } catch {
      return false
    }
  }

  private func giveOldestBack() -> Bool {
    let blobs = state.withLock { $0.blobs }
    let extents = blobs.flatMap { blob in blob.idleExtents.map { (blob, $0.extent, $0.lastUse) } }
    for (blob, extent, _) in extents.sorted(by: { $0.2 < $1.2 }) {
      let byteCount = blob.giveBack(extent)
      if byteCount > 0 {
        release(byteCount)
        return true
      }
    }
    return false
  }
}
