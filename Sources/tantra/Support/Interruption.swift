import Glibc
import StoreRecords
import Synchronization

/// Lets a long command end in order when somebody presses Ctrl-C or asks it to terminate.
enum Interruption {
  private static let requested = Atomic(false)

  /// Whether a signal has come since ``watch()``.
  static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// From now on INT, TERM and HUP only ask to stop.
  static func watch() {
    // Touched before a handler can be: making a global is nothing for a signal handler to do.
    requested.store(false, ordering: .relaxed)
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { _ in Interruption.requested.store(true, ordering: .relaxed) }
      sigaddset(&signals, number)
    }
    // A program that starts others from a thread which blocks signals hands that on to them.
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  /// `handler`, but it answers false once a signal has come.
  static func stopping(_ handler: @escaping ProgressHandler) -> ProgressHandler {
    { phase, done, total in handler(phase, done, total) && !isRequested }
  }

  /// Throws once a signal has come.
  static func check() throws {
    if isRequested { throw CommandFailure(.interrupted, "interrupted") }
  }
}
