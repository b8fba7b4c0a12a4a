import Dispatch
import Glibc
import Synchronization
import WeightsFS

/// Tells the kernel which names to look up again, and which folders have changed, on a thread of its own.
///
/// Since Linux 6.16 the kernel can be told to look up every name again (`FUSE_NOTIFY_INC_EPOCH`), which waits for nothing.
/// Earlier ones are told name by name, and each such notification waits for the lock of the name's folder: a request that
/// changes the folder holds it until it is answered, so whoever answers requests must not wait for a notification.
final class KernelNotifier: Sendable {
  /// Longer than any notification takes that is not held up by another request on the same folder.
  private static let patience = DispatchTimeInterval.seconds(5)

  private struct State {
    /// Nil before the mount is live, and after its end. While it is here the session is kept.
    var session: FuseSession?
    /// What the kernel was not told yet.
    var changes: Set<TreeChange> = []
    var hasEpochs = true
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "tantra.notifier")

  /// From now on changes are told.
  func start(_ session: FuseSession) { state.withLock { $0.session = session } }

  /// Makes the kernel ask again for a name; soon.
  func invalidate(_ change: TreeChange) {
    let isFirst = state.withLock { state in
      state.changes.insert(change)
      return state.changes.count == 1
    }
    if isFirst { queue.async { self.tell() } }
  }

  private func tell() {
    let (session, changes, hasEpochs) = state.withLock { state in
      defer { state.changes = [] }
      return (state.session, state.changes, state.hasEpochs)
    }
    guard let session, !changes.isEmpty else { return }
    // That waits for no lock of a folder.
    for folder in Set(changes.map(\.parent)) { session.invalidateAttributes(of: folder) }
    if hasEpochs {
      if session.invalidateAllNames() { return }
      state.withLock { $0.hasEpochs = false }
    }
    for change in changes { session.invalidate(change.name, in: change.parent) }
  }

  /// Waits until the kernel has taken what was told so far. Not for requests that change names: the kernel holds their
  /// folder's lock, which a notification may need.
  func settle() {
    let done = DispatchSemaphore(value: 0)
    queue.async { done.signal() }
    _ = done.wait(timeout: .now() + Self.patience)
  }

  /// Drops what is not sent yet. A notification that is under way keeps the session until it comes back.
  func stop() { state.withLock { $0.session = nil } }
}
