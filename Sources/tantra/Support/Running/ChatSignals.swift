import Glibc
import Synchronization

/// The signals that somebody sends who talks with a model. There is one such talk in a process.
struct ChatSignals {
  private static let interrupted = Atomic(false)
  private static let ending = Atomic(false)
  /// The end of a pipe into which each signal writes a byte: whoever is about to wait for input misses none.
  private static let wakingEnd = Atomic<CInt>(-1)

  /// The other end of that pipe.
  private let wokenEnd: CInt

  /// From now on INT ends an answer, and TERM and HUP the talk. All of them end a wait for input.
  init() throws {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFL, O_NONBLOCK) == 0 }) else {
      throw CommandFailure(.inputOutput, "no pipe for signals: \(String(cString: strerror(errno)))")
    }
    wokenEnd = ends[0]
    // Touched before a handler can be: making a global is nothing for a signal handler to do.
    Self.wakingEnd.store(ends[1], ordering: .relaxed)
    Self.interrupted.store(false, ordering: .relaxed)
    Self.ending.store(false, ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { number in
        ChatSignals.interrupted.store(true, ordering: .relaxed)
        if number != SIGINT { ChatSignals.ending.store(true, ordering: .relaxed) }
        let code = errno
        var byte: UInt8 = 0
        _ = write(ChatSignals.wakingEnd.load(ordering: .relaxed), &byte, 1)
        errno = code
      }
    }
  }

  /// Waits for input; false if a signal came first.
  func waitForInput() -> Bool {
    while true {
      var polled = [STDIN_FILENO, wokenEnd].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      let count = poll(&polled, 2, -1)
      if count < 0, errno == EINTR { continue }
      // What poll(2) cannot do read(2) will say.
      guard count > 0, polled[1].revents != 0 else { return true }
      takeSignals()
      return false
    }
  }

  /// Forgets what signals have come: they were meant for the answer that has ended.
  func takeSignals() {
    var bytes: [UInt8] = Array(repeating: 0, count: 64)
    while read(wokenEnd, &bytes, bytes.count) > 0 {}
  }

  /// Whether the answer is to end.
  var isInterrupted: Bool { Self.interrupted.load(ordering: .relaxed) }

  /// Whether the talk is to end.
  var isEnding: Bool { Self.ending.load(ordering: .relaxed) }

  /// Lets the next answer begin.
  func takeInterruption() { Self.interrupted.store(isEnding, ordering: .relaxed) }
}
