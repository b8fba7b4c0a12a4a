import PosixIO

/// Starts the programs that a run needs. Waiting for their output ends when the user wants to stop.
struct Programs {
  let stop: StopCheck

  /// Starts a program; `inherited` becomes its descriptor 3.
  func start(_ executable: String, _ arguments: [String], inherited: CInt? = nil) throws(PosixError) -> ChildProgram {
    try ChildProgram(executable, arguments, inherited: inherited, unless: stop.isRequested)
  }

  /// Starts the program that this process runs, with a command of its own.
  func startTantra(_ arguments: [String], inherited: CInt? = nil) throws(PosixError) -> ChildProgram {
    try ChildProgram("/proc/self/exe", arguments, name: "tantra", inherited: inherited, unless: stop.isRequested)
  }

  /// Runs a program of `PATH` to its end.
  ///
  /// - Throws: if there is none of that name, or if it fails.
  func run(_ name: String, _ arguments: [String]) throws {
    guard let executable = ChildProgram.find(name) else { throw BenchFailure(.failed, "\(name) is not in PATH") }
    try start(executable, arguments).succeed()
  }
}

extension ChildProgram {
  /// Waits for the program's end: the rest of what it wrote.
  ///
  /// - Throws: if it fails, with the last lines that it wrote.
  @discardableResult
  func succeed() throws -> String {
    let end = try finish()
    guard end.status == 0 else {
      let lines = end.output.split(separator: "\n").suffix(5).joined(separator: "; ")
      throw BenchFailure(.failed, "\(name) ended with status \(end.status): \(lines)")
    }
    return end.output
  }
}
