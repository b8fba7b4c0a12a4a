import Dispatch
import Synchronization
import SystemPackage

/// A lock that is taken in the order in which threads ask for it, and that a thread can stop waiting for.
///
/// For steps that may take as long as a few writes to disk. Values in memory are guarded by a `Mutex`.
package final class TurnLock: Sendable {
  private struct State: Sendable {
    var isHeld = false
    var nextTicket: UInt64 = 0
    var waiting: [(ticket: UInt64, turn: DispatchSemaphore)] = []
  }

  /// How long a thread waits before it asks again whether it should go on waiting.
  private static let patience = DispatchTimeInterval.milliseconds(10)
  private let state = Mutex(State())

  package init() {}

  /// Takes the lock.
  ///
  /// - Throws: `EINTR` if `interruption` is requested before it is this thread's turn.
  package func lock(unless interruption: Interruption = .never) throws(PosixError) {
    let own = state.withLock { state -> (ticket: UInt64, turn: DispatchSemaphore)? in
      if !state.isHeld {
        state.isHeld = true
        return nil
      }
      let own = (state.nextTicket, DispatchSemaphore(value: 0))
      state.nextTicket += 1
      state.waiting.append(own)
      return own
    }
    guard let own else { return }
    while own.turn.wait(timeout: .now() + Self.patience) == .timedOut {
      guard interruption.isRequested else { continue }
      let hasLeft = state.withLock { state in
        guard let index = state.waiting.firstIndex(where: { $0.ticket == own.ticket }) else { return false }
        state.waiting.remove(at: index)
        return true
      }
      // Otherwise it has just become this thread's turn.
      if !hasLeft { unlock() }
      throw PosixError(.interrupted, call: "lock", path: "")
    }
  }

  /// Gives the lock back, or to the thread that has waited longest.
  package func unlock() {
    let next = state.withLock { state -> DispatchSemaphore? in
      if state.waiting.isEmpty {
        state.isHeld = false
        return nil
      }
      return state.waiting.removeFirst().turn
    }
    next?.signal()
  }
}
