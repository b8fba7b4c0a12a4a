import CPosix
import Dispatch
import Glibc

/// A thread that gives way to all others.
package enum BackgroundThread {
  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Runs `body` on a thread of its own, with the lowest priority for processors and disks. If the system gives no thread, `body` runs on
  /// one of Dispatch's.
  package static func start(_ body: @escaping @Sendable () -> Void) {
    let work = Unmanaged.passRetained(Work(body))
    var identifier = pthread_t()
    let result = pthread_create(
      &identifier, nil,
      { argument in
        tantra_give_way()
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, work.toOpaque())
    if result == 0 { pthread_detach(identifier) } else { fallBack(work.takeRetainedValue()) }
  }

  private static func fallBack(_ work: Work) { DispatchQueue.global(qos: .background).async { work.body() } }

  /// Does nothing for a while.
  package static func rest(_ time: Duration) {
    let microseconds = time / .microseconds(1)
    if microseconds >= 1 { usleep(UInt32(min(microseconds, 1_000_000))) }
  }
}
