import Glibc
package import PosixIO

/// Starts this very program again as a daemon, and waits until it says that it is ready.
package enum BackgroundLauncher {
  package enum Outcome: Hashable, Sendable {
    case ready(ChildProcess)
    /// It ended, or said that it will: the exit status to end with, and why.
    case failed(exitStatus: Int32, message: String)
  }

  /// The number of the pipe in the daemon, to be handed to it in its arguments and there to ``Readiness``.
  package static let readinessDescriptor: CInt = 3

  /// Bytes of a failure's message.
  static let longestMessage = 4096

  /// Runs the program that this process runs, with `arguments` (the program's name first), in a session of its own, with
  /// standard input from /dev/null and standard output and error to the end of `logFile`, or to /dev/null.
  ///
  /// The daemon starts in the current folder with no signal blocked. One that does not report in time is ended.
  package static func launch(arguments: [String], logFile: String? = nil, limit: Duration = .seconds(120)) -> Outcome {
    var log: CInt = -1
    if let logFile {
      log = open(logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
      guard log >= 0 else { return .failed(exitStatus: 1, message: "\(logFile): \(MountError.text(errno))") }
    }
    defer { if log >= 0 { close(log) } }
    do throws(PosixError) {
      let pipe = try ChildPipe()
      let daemon = try ChildProcess(
        "/proc/self/exe", arguments, output: log >= 0 ? log : nil, inherited: pipe.writeEnd, newSession: true)
      pipe.closeWriteEnd()
      return wait(for: daemon, pipe, limit: limit)
    } catch {
      return .failed(exitStatus: 1, message: "the daemon did not start: \(error)")
    }
  }

  private static func wait(for daemon: ChildProcess, _ pipe: ChildPipe, limit: Duration) -> Outcome {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    var report: [UInt8] = []
    while report.count <= longestMessage {
      guard Latch.wait(for: [pipe.readEnd], limit: max(.zero, deadline - clock.now)) != nil else {
        end(daemon)
        return .failed(exitStatus: 1, message: "the daemon did not get ready within \(limit)")
      }
      do throws(PosixError) {
        guard let chunk = try pipe.read() else { break }
        report += chunk
      } catch {
        end(daemon)
        return .failed(exitStatus: 1, message: "nothing is known of the daemon, which was ended: \(error)")
      }
      if report.first == 0 { return .ready(daemon) }
    }
    guard let status = report.first else {
      let status = end(daemon, grace: .seconds(1))
      return .failed(
        exitStatus: status == 0 ? 1 : status, message: "the daemon ended with status \(status) before it was ready")
    }
    end(daemon, grace: .seconds(10))
    return .failed(exitStatus: Int32(status), message: String(decoding: report.dropFirst(), as: UTF8.self))
  }

  /// Reaps a daemon that is about to end, and ends one that does not: its exit status.
  @discardableResult
  private static func end(_ daemon: ChildProcess, grace: Duration = .zero) -> CInt {
    daemon.end(grace: grace, patience: .seconds(6)) ?? 128 + SIGKILL
  }
}
