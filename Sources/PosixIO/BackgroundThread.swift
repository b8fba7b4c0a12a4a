import CPosix
import Dispatch
import Glibc

/// A thread that gives way to all others.
package enum BackgroundThread {
  /// Runs `body` on a thread of its own, with the lowest priority for processors and disks. If the system gives no thread, `body` runs on
  /// one of Dispatch's.
  package static func start(_ body: @escaping @Sendable () -> Void) {
    let thread = PosixThread.start {
      tantra_give_way()
      body()
    }
    if let thread { pthread_detach(thread) } else { DispatchQueue.global(qos: .background).async(execute: body) }
  }

  /// Does nothing for a while.
  package static func rest(_ time: Duration) {
    let microseconds = time / .microseconds(1)
    if microseconds >= 1 { usleep(UInt32(min(microseconds, 1_000_000))) }
  }
}
