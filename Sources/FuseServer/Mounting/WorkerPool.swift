import CFuse
import Glibc
import Synchronization

/// The threads that serve one session.
final class WorkerPool: Sendable {
  /// Set when the last worker has left the session.
  let ended: Latch
  private let session: FuseSession
  private let threads: Mutex<[WorkerThread]>
  private let running: Atomic<Int>

  /// Starts `count` workers, fewer if the system gives no more. Throws if it gives none.
  init(session: FuseSession, count: Int) throws(MountError) {
    let code = cfuse_install_wake_handler()
    guard code == 0 else { throw .systemResource("no signal handler", errno: -code) }
    self.session = session
    ended = try Latch()
    threads = Mutex([])
    // One for the starter, so that a worker that ends at once does not count as the last.
    running = Atomic(1)
    var started: [WorkerThread] = []
    for _ in 0..<count {
      running.add(1, ordering: .acquiringAndReleasing)
      guard let thread = WorkerThread.start({ self.work() }) else {
        leave()
        break
      }
      started.append(thread)
    }
    let all = started
    threads.withLock { $0 = all }
    leave()
    if all.isEmpty { throw .systemResource("no thread", errno: EAGAIN) }
  }

  /// How many requests are served at once unless told otherwise.
  static var defaultCount: Int { min(8, max(4, 2 * sysconf(CInt(_SC_NPROCESSORS_ONLN)))) }

  private func work() {
    session.serve()
    leave()
  }

  private func leave() {
    if running.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { ended.set() }
  }

  /// Gets every worker out of its wait, for at most `limit`; false if some are still in a request then.
  func stop(limit: Duration) -> Bool {
    session.end()
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    // A signal may come just before a worker waits, so it is sent until all have left.
    while Latch.wait(for: [ended.descriptor], limit: .milliseconds(20)) == nil {
      if clock.now >= deadline { return false }
      threads.withLock { threads in for thread in threads { thread.wake() } }
    }
    return true
  }

  /// Waits for the threads' last instructions; ``ended`` has to be set.
  func join() {
    let threads = threads.withLock { threads in
      let all = threads
      threads = []
      return all
    }
    for thread in threads { thread.join() }
  }
}
