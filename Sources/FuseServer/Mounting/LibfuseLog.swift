import CFuse
import Logging
import Synchronization

/// What libfuse says, which it can tell only to the whole process: to the logger of the latest mount.
enum LibfuseLog {
  private struct State {
    var logger: Logger?
    var lastError = ""
  }

  private static let state = Mutex(State())

  /// Sends libfuse's words to `logger` from now on, and forgets the last error.
  static func install(_ logger: Logger) {
    state.withLock { $0 = State(logger: logger) }
    cfuse_set_log_handler { level, message in
      guard let message else { return }
      LibfuseLog.receive(level: level, String(cString: message))
    }
  }

  /// The last error, in libfuse's words; empty if there was none.
  static var lastError: String { state.withLock { $0.lastError } }

  private static func receive(level: CInt, _ message: String) {
    // The levels of syslog(3): 0 to 3 are errors, 4 warnings.
    let isError = level <= 3
    let logger = state.withLock { state in
      if isError { state.lastError = message }
      return state.logger
    }
    logger?.log(level: isError ? .error : level == 4 ? .warning : .debug, "\(message)")
  }
}
