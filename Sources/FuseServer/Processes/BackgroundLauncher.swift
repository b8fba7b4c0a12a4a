import Glibc

/// Starts this very program again as a daemon, and waits until it says that it is ready.
package enum BackgroundLauncher {
  package enum Outcome: Hashable, Sendable {
    case ready(pid: Int32)
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
    let pipe: ChildPipe
    do throws(HelperProgram.Failure) {
      pipe = try ChildPipe()
    } catch {
      return .failed(exitStatus: 1, message: "no pipe: \(MountError.text(error.errno))")
    }
    let pid = Spawn.start("/proc/self/exe", arguments, output: log, inherited: pipe.writeEnd, newSession: true)
    pipe.closeWriteEnd()
    guard pid > 0 else { return .failed(exitStatus: 1, message: "the daemon did not start: \(MountError.text(-pid))") }
    return wait(for: pid, pipe, limit: limit)
  }

  private static func wait(for pid: pid_t, _ pipe: ChildPipe, limit: Duration) -> Outcome {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    var report: [UInt8] = []
    while report.count <= longestMessage {
      guard Latch.wait(for: [pipe.readEnd], limit: max(.zero, deadline - clock.now)) != nil else {
        end(pid)
        return .failed(exitStatus: 1, message: "the daemon did not get ready within \(limit)")
      }
      guard let chunk = pipe.read() else { break }
      report += chunk
      if report.first == 0 { return .ready(pid: pid) }
    }
    guard let status = report.first else {
      let status = end(pid, grace: .seconds(1))
      return .failed(
        exitStatus: status == 0 ? 1 : status, message: "the daemon ended with status \(status) before it was ready")
    }
    end(pid, grace: .seconds(10))
    return .failed(exitStatus: Int32(status), message: String(decoding: report.dropFirst(), as: UTF8.self))
  }

  /// Reaps a daemon that is about to end, and ends one that does not: its exit status.
  @discardableResult
  private static func end(_ pid: pid_t, grace: Duration = .zero) -> CInt {
    if let status = Spawn.wait(for: pid, limit: grace) { return status }
    kill(pid, SIGTERM)
    if let status = Spawn.wait(for: pid, limit: .seconds(6)) { return status }
    kill(pid, SIGKILL)
    return Spawn.wait(for: pid) ?? 128 + SIGKILL
  }
}
