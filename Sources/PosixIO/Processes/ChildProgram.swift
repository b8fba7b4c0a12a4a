import Glibc
import SystemPackage

/// A program that runs in a child process, and whose output this process reads. It is ended when this object goes.
package final class ChildProgram {
  /// How a program ended.
  package struct End: Sendable, Hashable {
    /// The exit status, or 128 plus the signal that ended the process.
    package var status: CInt
    /// What it wrote that nobody had read before. Of more than 64 KiB, only the last part.
    package var output: String
  }

  private static let longestOutput = 64 << 10

  /// What the program is called in messages.
  package let name: String
  private let process: ChildProcess
  private let output: ChildPipe
  private let isInterrupted: (() -> Bool)?
  /// What has come out of the pipe and has not been taken yet.
  private var unread: [UInt8] = []
  private var status: CInt?

  /// Starts a program, with standard input from /dev/null.
  ///
  /// - Parameters:
  ///   - executable: the path of the program.
  ///   - arguments: without the name of the program.
  ///   - name: what the program is called in messages and by itself. If left out, messages have the last part of its path,
  ///     and the program itself gets the path: Python, for one, finds its environment by it.
  ///   - inherited: becomes the program's descriptor 3.
  ///   - isInterrupted: asked ten times a second while this process waits for output. When it answers true, the wait ends with
  ///     `EINTR`.
  package init(
    _ executable: String, _ arguments: [String], name: String? = nil, inherited: CInt? = nil,
    unless isInterrupted: (() -> Bool)? = nil
  ) throws(PosixError) {
    self.name = name ?? executable.split(separator: "/").last.map(String.init) ?? executable
    self.isInterrupted = isInterrupted
    output = try ChildPipe()
    process = try ChildProcess(
      executable, [name ?? executable] + arguments, output: output.writeEnd, inherited: inherited)
    output.closeWriteEnd()
  }

  deinit { end() }

  /// Runs a program to its end.
  package static func run(
    _ executable: String, _ arguments: [String], name: String? = nil
  ) throws(PosixError) -> End {
    try ChildProgram(executable, arguments, name: name).finish()
  }

  /// Where the first of `folders` has a program of that name; nil if none has.
  package static func find(_ name: String, in folders: [String] = searchPath) -> String? {
    folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// The folders of `PATH`.
  package static var searchPath: [String] {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    return path.split(separator: ":").map(String.init)
  }

  /// Waits for the next line that the program writes; nil once there is none any more.
  ///
  /// - Throws: `EINTR` if the wait was interrupted.
  package func readLine() throws(PosixError) -> String? {
    while true {
      if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
        defer { unread.removeFirst(end + 1) }
        return String(decoding: unread[..<end], as: UTF8.self)
      }
      guard let chunk = try readChunk() else {
        defer { unread = [] }
        return unread.isEmpty ? nil : String(decoding: unread, as: UTF8.self)
      }
      unread += chunk
    }
  }

  /// Reads what the program writes until it closes its output, and waits for its end.
  ///
  /// - Throws: `EINTR` if the wait was interrupted; the program goes on.
  package func finish() throws(PosixError) -> End {
    while let chunk = try readChunk() {
      unread += chunk
      // Not at every chunk: each cut moves the rest.
      if unread.count > 2 * Self.longestOutput { unread.removeFirst(unread.count - Self.longestOutput) }
    }
    let text = String(decoding: unread.suffix(Self.longestOutput), as: UTF8.self)
    unread = []
    status = status ?? process.wait()
    guard let status else { throw PosixError(.noChildProcess, call: "waitpid", path: name) }
    return End(status: status, output: text)
  }

  private func readChunk() throws(PosixError) -> [UInt8]? {
    while let isInterrupted {
      if isInterrupted() { throw PosixError(.interrupted, call: "poll", path: name) }
      var polled = pollfd(fd: output.readEnd, events: Int16(POLLIN), revents: 0)
      if poll(&polled, 1, 100) > 0 { break }
    }
    return try output.read()
  }

  /// Whether the program still runs.
  package var isRunning: Bool {
    if status == nil { status = process.wait(limit: .zero) }
    return status == nil
  }

  /// Ends the program if it still runs, as ``ChildProcess/end(grace:patience:)`` does.
  package func end() {
    if status == nil { status = process.end() ?? 128 + SIGKILL }
  }
}
