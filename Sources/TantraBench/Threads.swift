import Glibc
import PosixIO
import Synchronization

/// POSIX threads that begin a piece of work together: Dispatch would start no more of them than there are cores.
enum Threads {
  private final class Work: Sendable {
    private let body: @Sendable (Int) throws -> Void
    private let next = Atomic(0)
    let failure = Mutex<(any Error)?>(nil)

    init(_ body: @escaping @Sendable (Int) throws -> Void) { self.body = body }

    func run() {
      do {
        try body(next.add(1, ordering: .relaxed).oldValue)
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
  }

  /// Runs `body` with 0 ..< `count`, each in a thread of its own, and waits for all.
  ///
  /// - Throws: what the first of them to fail has thrown.
  static func run(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    let work = Work(body)
    try start(count, work)
    if let failure = work.failure.withLock({ $0 }) { throw failure }
  }

  /// Starts the threads and waits for their end.
  private static func start(_ count: Int, _ work: Work) throws {
    var threads: [pthread_t] = []
    defer { for thread in threads { pthread_join(thread, nil) } }
    for _ in 0..<count {
      guard let thread = PosixThread.start({ work.run() }) else {
        throw BenchFailure(.failed, "no thread: \(String(cString: strerror(EAGAIN)))")
      }
      threads.append(thread)
    }
  }
}
