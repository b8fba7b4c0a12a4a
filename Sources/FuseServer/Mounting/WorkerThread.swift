import CFuse
import Glibc
import PosixIO

/// A POSIX thread of our own: the threads that serve the kernel stay off the pools of Dispatch and Swift concurrency.
struct WorkerThread: Sendable {
  private let identifier: pthread_t

  /// Starts a thread that takes no signals but the one that wakes it; nil if the system gives none.
  static func start(_ body: @escaping @Sendable () -> Void) -> WorkerThread? {
    let thread = PosixThread.start {
      cfuse_block_signals_in_worker()
      body()
    }
    return thread.map { WorkerThread(identifier: $0) }
  }

  private init(identifier: pthread_t) { self.identifier = identifier }

  /// Interrupts the system call that the thread, not yet joined, is in.
  func wake() { pthread_kill(identifier, cfuse_wake_signal()) }

  /// Waits for the thread's end, once.
  func join() { pthread_join(identifier, nil) }
}
