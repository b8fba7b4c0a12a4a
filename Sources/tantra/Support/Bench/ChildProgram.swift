import FoundationEssentials
import FuseServer
import Glibc

/// A program that is started, watched and, when the user wants to stop, ended.
final class ChildProgram {
  let name: String
  private let pid: pid_t
  private let output: ChildPipe
  private var collected: [UInt8] = []
  private var status: CInt?

  /// Starts a program with standard input from /dev/null.
  ///
  /// - Parameters:
  ///   - arguments: without the program's name.
  ///   - name: what it is called in messages and by itself; if left out, the last part of its path and its path, from
  ///     which Python tells its environment.
  ///   - inherited: a descriptor that becomes its number 3.
  init(_ executable: String, _ arguments: [String], name: String? = nil, inherited: CInt = -1) throws {
    self.name = name ?? executable.split(separator: "/").last.map(String.init) ?? executable
    do {
      output = try ChildPipe()
    } catch {
      throw CommandFailure(.failed, "no pipe: \(String(cString: strerror(error.errno)))")
    }
    let started = Spawn.start(
      executable, [name ?? executable] + arguments, output: output.writeEnd, inherited: inherited, newSession: false)
    output.closeWriteEnd()
    guard started > 0 else { throw CommandFailure(.failed, "\(executable): \(String(cString: strerror(-started)))") }
    pid = started
  }

  deinit { end() }

  /// Where the first of PATH's folders has a program of that name; nil if none has.
  static func find(_ name: String) -> String? {
    let folders = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    return folders.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// The next line of what it writes; nil once it has closed its output. Throws when the user wants to stop.
  func readLine() throws -> String? {
    while true {
      if let end = collected.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: collected[..<end], as: UTF8.self)
        collected.removeFirst(end + 1)
        return line
      }
      try waitForOutput()
      guard let chunk = output.read() else {
        guard !collected.isEmpty else { return nil }
        collected.append(UInt8(ascii: "\n"))
        continue
      }
      collected += chunk
    }
  }

  private func waitForOutput() throws {
    while true {
      try Interruption.check()
      var polled = pollfd(fd: output.readEnd, events: Int16(POLLIN), revents: 0)
      if poll(&polled, 1, 100) > 0 { return }
    }
  }

  /// Reads what it writes to the end, and waits for its end.
  ///
  /// - Throws: if it fails, with the last that it wrote.
  @discardableResult
  func succeed() throws -> [String] {
    var lines: [String] = []
    while let line = try readLine() { lines.append(line) }
    status = status ?? Spawn.wait(for: pid)
    guard status == 0 else {
      throw CommandFailure(
        .failed, "\(name) ended with status \(status ?? -1): \(lines.suffix(5).joined(separator: "; "))")
    }
    return lines
  }

  /// Whether it still runs.
  var isRunning: Bool {
    if status == nil { status = Spawn.wait(for: pid, limit: .zero) }
    return status == nil
  }

  /// Asks it to end, waits, and kills it if it does not.
  func end() {
    guard isRunning else { return }
    kill(pid, SIGTERM)
    status = Spawn.wait(for: pid, limit: .seconds(5))
    if status == nil {
      kill(pid, SIGKILL)
      status = Spawn.wait(for: pid) ?? 128 + SIGKILL
    }
  }

  /// Runs a program of PATH that has to succeed.
  @discardableResult
  static func run(_ name: String, _ arguments: [String]) throws -> [String] {
    guard let executable = find(name) else { throw CommandFailure(.failed, "\(name) is not in PATH") }
    return try ChildProgram(executable, arguments).succeed()
  }
}
