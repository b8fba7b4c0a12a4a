import Dispatch
import Synchronization
import WeightsFS

/// Tells the kernel which names to forget, on a thread of its own: such a write may wait for a lock that a request under
/// way holds, so it must not be made by whoever serves requests.
final class KernelNotifier: Sendable {
  /// Longer than any notification takes that is not held up by another request on the same folder.
  private static let patience = DispatchTimeInterval.seconds(5)

  /// Nil before the mount is live, and after its end. While it is here the session is kept.
  private let session = Mutex<FuseSession?>(nil)
  private let queue = DispatchQueue(label: "tantra.notifier")
  private let pending = Atomic(0)

  /// From now on changes are told.
  func start(_ session: FuseSession) { self.session.withLock { $0 = session } }

  /// Makes the kernel ask again for a name; soon.
  func invalidate(_ change: TreeChange) {
    pending.add(1, ordering: .acquiringAndReleasing)
    queue.async { [self] in
      session.withLock { $0 }?.invalidate(change.name, in: change.parent)
      pending.subtract(1, ordering: .acquiringAndReleasing)
    }
  }

  /// Waits until the kernel has taken what was told so far. Not for requests that change names: the kernel holds their
  /// folder's lock, which the notification needs.
  func settle() {
    guard pending.load(ordering: .acquiring) > 0 else { return }
    let done = DispatchSemaphore(value: 0)
    queue.async { done.signal() }
    _ = done.wait(timeout: .now() + Self.patience)
  }

  /// Drops what is not sent yet. A write that is under way keeps the session until it comes back.
  func stop() { session.withLock { $0 = nil } }
}
