import CFuse
import Glibc

/// How a daemon tells the program that started it that it is ready, or why it will not be.
///
/// One byte 0 means ready; any other is the exit status to end with, and a sentence for the user follows it.
package struct Readiness: ~Copyable {
  private let descriptor: CInt

  /// Takes over the descriptor that ``BackgroundLauncher`` gave this process; nil if it is not a pipe.
  package init?(descriptor: CInt) {
    var status = stat()
    guard descriptor > STDERR_FILENO, fstat(descriptor, &status) == 0, status.st_mode & 0o170000 == 0o010000 else {
      return nil
    }
    // Nothing started later may hold the pipe open. The starter may be gone: writing must not end this process.
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    signal(SIGPIPE, SIG_IGN)
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// The mount is live.
  package consuming func reportReady() { send([0]) }

  /// Nothing will come of it; `exitStatus` 1 to 255 is what the starter is to end with.
  package consuming func reportFailure(exitStatus: UInt8, message: String) {
    send([max(1, exitStatus)] + Array(message.utf8.prefix(BackgroundLauncher.longestMessage)))
  }

  private func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        // Nobody waits any more.
        return
      }
    }
  }
}
