import CFuse
import Glibc
import PosixIO
import Synchronization

/// The threads that serve one session: a fixed number that wait, and more for as long as requests take long.
///
/// A close that hashes gigabytes, or a request that validates a store, keeps its worker for minutes; everybody else's
/// requests, and the word that its caller has been interrupted, must not wait for it.
final class WorkerPool: Sendable {
  /// Beyond this many requests at once the kernel's queue has to wait.
  private static let largestCount = 64

  private struct State {
    /// Workers in the session.
    var working: [Int: WorkerThread] = [:]
    /// Workers that have left it, to be joined.
    var left: [WorkerThread] = []
    var lastNumber = 0
    /// How many of them wait for a request, or are about to.
    var idle = 0
    var isStopping = false
  }

  /// Set when the last worker has left the session.
  let ended: Latch
  private let session: FuseSession
  private let count: Int
  private let state = Mutex(State())

  /// Starts `count` workers, fewer if the system gives no more. Throws if it gives none.
  init(session: FuseSession, count: Int) throws(MountError) {
    let code = cfuse_install_wake_handler()
    guard code == 0 else { throw .systemResource("no signal handler", errno: -code) }
    self.session = session
    self.count = count
    ended = try Latch()
    let started = state.withLock { state in
      for _ in 0..<count { start(&state) }
      return state.working.count
    }
    if started == 0 { throw .systemResource("no thread", errno: EAGAIN) }
  }

  /// How many workers wait for requests unless told otherwise.
  static var defaultCount: Int { min(8, max(4, 2 * ParallelWork.processorCount)) }

  /// Starts a worker; without one more, the others serve.
  private func start(_ state: inout State) {
    // They have left this lock behind, and have nothing else to wait for.
    for thread in state.left { thread.join() }
    state.left = []
    state.lastNumber += 1
    let number = state.lastNumber
    guard let thread = WorkerThread.start({ self.work(number) }) else { return }
    state.working[number] = thread
    state.idle += 1
  }

  private func work(_ number: Int) {
    session.serve(
      onRequest: {
        state.withLock { state in
          state.idle -= 1
          if state.idle == 0, !state.isStopping, state.working.count < Self.largestCount { start(&state) }
        }
      },
      onAnswer: {
        state.withLock { state in
          guard state.idle < count else { return false }
          state.idle += 1
          return true
        }
      })
    let isLast = state.withLock { state in
      if let thread = state.working.removeValue(forKey: number) { state.left.append(thread) }
      return state.working.isEmpty
    }
    if isLast { ended.set() }
  }

  /// Gets every worker out of its wait, for at most `limit`; false if some are still in a request then.
  func stop(limit: Duration) -> Bool {
    session.end()
    state.withLock { $0.isStopping = true }
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    // A signal may come just before a worker waits, so it is sent until all have left.
    while Latch.wait(for: [ended.descriptor], limit: .milliseconds(20)) == nil {
      if clock.now >= deadline { return false }
      state.withLock { state in for thread in state.working.values { thread.wake() } }
    }
    return true
  }

  /// Waits for the threads' last instructions; ``ended`` has to be set.
  func join() {
    let threads = state.withLock { state in
      let all = state.left
      state.left = []
      return all
    }
    for thread in threads { thread.join() }
  }
}
