import BlobStore
import Dispatch
import Glibc
import PosixIO
import Synchronization

/// Uploads that are done with, and that cannot go yet: they are frozen, since they have become blobs while somebody could
/// still write to them.
final class StagedUploads: Sendable {
  private struct State: Sendable {
    /// Whether files can be frozen; nil as long as nobody has asked.
    var canFreeze: Bool?
    var waiting: [String: BlobStore] = [:]
  }

  /// Longer than the kernel takes to let go of a file that is just being closed.
  private static let closingTime = [1, 2, 4, 8, 16]
  private let state = Mutex(State())

  deinit { settle() }

  /// Whether files in the staging folder can be frozen.
  func canFreeze(_ blobs: BlobStore) throws(RegistryError) -> Bool {
    if let known = state.withLock({ $0.canFreeze }) { return known }
    let canFreeze = try posix(try blobs.canFreeze())
    state.withLock { $0.canFreeze = canFreeze }
    return canFreeze
  }

  /// Removes an upload, now or as soon as nobody can write to it any more.
  func remove(_ name: String, from blobs: BlobStore) throws(PosixError) {
    if try blobs.removeStaged(name) {
      state.withLock { $0.waiting[name] = nil }
      return
    }
    let isNew = state.withLock { state in
      defer { state.waiting[name] = blobs }
      return state.waiting[name] == nil
    }
    if isNew { tryAgain(name, after: 10) }
  }

  private func tryAgain(_ name: String, after milliseconds: Int) {
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in
      guard let self, !release(name) else { return }
      tryAgain(name, after: min(2 * milliseconds, 10_000))
    }
  }

  /// Tries to let go of an upload; true if it does not wait any more. One that cannot be removed is left to the next start.
  private func release(_ name: String) -> Bool {
    guard let blobs = state.withLock({ $0.waiting[name] }) else { return true }
    var isGone = true
    do throws(PosixError) { isGone = try blobs.removeStaged(name) } catch {}
    if isGone { state.withLock { $0.waiting[name] = nil } }
    return isGone
  }

  /// Tries all that wait, for as long as closing a file takes.
  func settle() {
    for milliseconds in Self.closingTime {
      let names = state.withLock { Array($0.waiting.keys) }
      if names.allSatisfy({ release($0) }) { return }
      usleep(UInt32(milliseconds) * 1000)
    }
  }
}
