import Glibc
import Synchronization

/// The signals that somebody sends who talks with a model. There is one such talk in a process.
struct ChatSignals {
  private static let interrupted = Atomic(false)
  private static let ending = Atomic(false)

  /// From now on INT ends an answer, and TERM and HUP the talk. All of them end a wait for input.
  func watch() {
    // Touched before a handler can be: making a global is nothing for a signal handler to do.
    Self.interrupted.store(false, ordering: .relaxed)
    Self.ending.store(false, ordering: .relaxed)
    var action = sigaction()
    sigemptyset(&action.sa_mask)
    // Not SA_RESTART: read(2) is to end.
    action.sa_flags = 0
    action.__sigaction_handler.sa_handler = { number in
      ChatSignals.interrupted.store(true, ordering: .relaxed)
      if number != SIGINT { ChatSignals.ending.store(true, ordering: .relaxed) }
    }
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaction(number, &action, nil) }
  }

  /// Whether the answer is to end.
  var isInterrupted: Bool { Self.interrupted.load(ordering: .relaxed) }

  /// Whether the talk is to end.
  var isEnding: Bool { Self.ending.load(ordering: .relaxed) }

  /// Lets the next answer begin.
  func takeInterruption() { Self.interrupted.store(isEnding, ordering: .relaxed) }
}
