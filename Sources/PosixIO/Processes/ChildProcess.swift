import CPosix
import Glibc
import SystemPackage

/// A process that this one has started.
///
/// It is a number only: nothing ends the process when this value goes. It is made without `fork(2)`, because a process with
/// threads must not fork.
package struct ChildProcess: Hashable, Sendable {
  /// The number that the system gave the process.
  package let number: CInt

  /// Starts a program. Its standard input is /dev/null, no signal is blocked or ignored in it, and it inherits only the
  /// descriptors that are named here.
  ///
  /// - Parameters:
  ///   - executable: the path of the program.
  ///   - arguments: the name of the program comes first.
  ///   - output: becomes standard output and standard error; /dev/null if left out.
  ///   - inherited: becomes descriptor 3.
  ///   - newSession: whether the process leads a session of its own, as a daemon does.
  package init(
    _ executable: String, _ arguments: [String], output: CInt? = nil, inherited: CInt? = nil, newSession: Bool = false
  ) throws(PosixError) {
    let words = arguments.map { strdup($0) }
    defer { for word in words { free(word) } }
    guard !words.contains(nil) else { throw PosixError(.noMemory, call: "strdup", path: executable) }
    number = try systemCall("posix_spawn", executable) {
      executable.withCString { path in
        (words + [nil]).withUnsafeBufferPointer { words in
          var program = tantra_program(
            executable: path, arguments: words.baseAddress, output: output ?? -1, inherited: inherited ?? -1,
            new_session: newSession)
          return tantra_spawn(&program)
        }
      }
    }
  }

  /// Waits for the end: the exit status, or 128 plus the signal that ended the process; nil if it is no child of this process, or
  /// none any more, because its end has been waited for already.
  package func wait() -> CInt? {
    var status: CInt = 0
    while waitpid(number, &status, 0) < 0 {
      if errno != EINTR { return nil }
    }
    return Self.exitStatus(status)
  }

  /// As ``wait()``, but gives up after `limit`, and answers nil then, too.
  package func wait(limit: Duration) -> CInt? {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while true {
      var status: CInt = 0
      let result = waitpid(number, &status, WNOHANG)
      if result == number { return Self.exitStatus(status) }
      if (result < 0 && errno != EINTR) || clock.now >= deadline { return nil }
      usleep(5_000)
    }
  }

  /// Ends the process and waits for its end.
  ///
  /// The process may end by itself within `grace`. Then it gets TERM, and KILL if that has not ended it within `patience`.
  ///
  /// - Returns: as ``wait()`` does.
  @discardableResult
  package func end(grace: Duration = .zero, patience: Duration = .seconds(5)) -> CInt? {
    if let status = wait(limit: grace) { return status }
    send(SIGTERM)
    if let status = wait(limit: patience) { return status }
    send(SIGKILL)
    return wait()
  }

  /// Sends a signal. Only before the end has been waited for: after that the number may be another process's.
  package func send(_ signal: CInt) { kill(number, signal) }

  private static func exitStatus(_ status: CInt) -> CInt {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
