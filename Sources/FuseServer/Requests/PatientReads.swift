import Glibc
import PosixIO
import Synchronization

/// The threads of reads that may have to wait for somebody else, such as a server on a network: so many programs may wait as like,
/// and whoever looks a name up does not wait behind them.
final class PatientReads: Sendable {
  /// Reads that wait at once; others wait for their turn.
  private static let largestCount = 128

  private struct State: Sendable {
    var queue: [@Sendable () -> Void] = []
    var threadCount = 0
    var isStopping = false
  }

  private let state = Mutex(State())

  /// Whether every read is to end early.
  var isStopping: Bool { state.withLock { $0.isStopping } }

  /// Runs `body` on another thread; on this one if the system gives none, or everything is to end.
  func run(_ body: @escaping @Sendable () -> Void) {
    let (isHere, isNew) = state.withLock { state in
      if state.isStopping { return (true, false) }
      state.queue.append(body)
      guard state.threadCount < Self.largestCount else { return (false, false) }
      state.threadCount += 1
      return (false, true)
    }
    if isHere { return body() }
    guard isNew else { return }
    if let thread = PosixThread.start({ self.work() }) {
      pthread_detach(thread)
    } else {
      work()
    }
  }

  private func work() {
    while true {
      let next = state.withLock { state -> (@Sendable () -> Void)? in
        if state.queue.isEmpty {
          state.threadCount -= 1
          return nil
        }
        return state.queue.removeFirst()
      }
      guard let next else { return }
      next()
    }
  }

  /// Asks every read to end early, and waits until all have; false if some have not after `limit`.
  func stop(limit: Duration) -> Bool {
    state.withLock { $0.isStopping = true }
    let deadline = ContinuousClock.now + limit
    while state.withLock({ $0.threadCount > 0 }) {
      if deadline <= .now { return false }
      usleep(5_000)
    }
    return true
  }
}
