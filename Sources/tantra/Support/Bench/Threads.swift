import Glibc
import Synchronization

/// POSIX threads that begin a piece of work together: Dispatch would start no more of them than there are cores.
enum Threads {
  private final class Work: Sendable {
    let body: @Sendable (Int) -> Void
    let next = Atomic(0)
    init(_ body: @escaping @Sendable (Int) -> Void) { self.body = body }
  }

  /// Runs `body` with 0 ..< `count`, each in a thread of its own, and waits for all.
  static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
    let work = Work(body)
    var threads: [pthread_t] = []
    defer { for thread in threads { pthread_join(thread, nil) } }
    for _ in 0..<count {
      let argument = Unmanaged.passRetained(work)
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
          work.body(work.next.add(1, ordering: .relaxed).oldValue)
          return nil
        }, argument.toOpaque())
      guard code == 0 else {
        argument.release()
        throw CommandFailure(.failed, "no thread: \(String(cString: strerror(code)))")
      }
      threads.append(thread)
    }
  }
}
