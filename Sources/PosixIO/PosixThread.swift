package import Glibc

/// Threads of our own, beside the pools of Dispatch and Swift concurrency.
package enum PosixThread {
  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a new thread, which somebody has to join or detach; nil if the system gives none.
  package static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
    let work = Unmanaged.passRetained(Work(body))
    var identifier = pthread_t()
    let result = pthread_create(
      &identifier, nil,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, work.toOpaque())
    if result == 0 { return identifier }
    work.release()
    return nil
  }
}
