import CFuse
import Glibc

/// Child processes, made without fork(2): a process with threads must not fork.
package enum Spawn {
  /// Starts a program with standard input from /dev/null, no signal blocked and no descriptors but those named here:
  /// `output` (-1: /dev/null) as its standard output and error, `inherited` (-1: none) as number 3.
  ///
  /// Returns its pid, or a negative errno.
  package static func start(
    _ executable: String, _ arguments: [String], output: CInt, inherited: CInt, newSession: Bool
  ) -> Int32 {
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    guard !pointers.contains(nil) else { return -ENOMEM }
    pointers.append(nil)
    return executable.withCString { executable in
      pointers.withUnsafeBufferPointer { pointers in
        var program = cfuse_program(
          executable: executable, arguments: pointers.baseAddress, output: output, inherited: inherited,
          new_session: newSession)
        return cfuse_spawn(&program)
      }
    }
  }

  /// Waits for a child's end: its exit status, or 128 plus the signal that ended it; nil if it is no child of ours.
  package static func wait(for pid: Int32) -> CInt? {
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0 {
      if errno != EINTR { return nil }
    }
    return decode(status)
  }

  /// As ``wait(for:)``, but nil too if it still runs after `limit`.
  package static func wait(for pid: Int32, limit: Duration) -> CInt? {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while true {
      var status: CInt = 0
      let result = waitpid(pid, &status, WNOHANG)
      if result == pid { return decode(status) }
      if (result < 0 && errno != EINTR) || clock.now >= deadline { return nil }
      usleep(5_000)
    }
  }

  private static func decode(_ status: CInt) -> CInt {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
