import Dispatch
import Synchronization
import WeightsFS

/// Tells the kernel which names to forget, on a thread of its own: such a write may wait for a lock that a request under
/// way holds, so it must not be made by whoever serves requests.
final class KernelNotifier: Sendable {
  private let session: FuseSession
  private let queue = DispatchQueue(label: "tantra.notifier")
  private let isStopped = Atomic<Bool>(false)

  init(session: FuseSession) { self.session = session }

  /// Makes the kernel ask again for a name; soon.
  func invalidate(_ change: TreeChange) {
    queue.async { [self] in
      if !isStopped.load(ordering: .acquiring) { session.invalidate(change.name, in: change.parent) }
    }
  }

  /// Drops what is not sent yet. A write that is under way keeps the session until it comes back.
  func stop() { isStopped.store(true, ordering: .releasing) }
}
