import Glibc
import PosixIO
import SystemPackage

/// Processes that map one file and touch its pages at random, all at once.
struct FaultingProcesses {
  private static let processCount = 4

  let programs: Programs

  /// Runs them on the file at `path`: the bytes of all pages they touched, and the time from the first's start to the
  /// last's end.
  func run(on path: String) throws -> Pairing.Sample {
    let start = try ChildPipe()
    let processes = try (1...Self.processCount).map { seed in
      try programs.startTantra(["bench-faults", path, "--seed", String(seed)], inherited: start.readEnd)
    }
    for process in processes {
      guard try process.readLine() == FaultingProcess.ready else { try process.succeed(); continue }
    }
    start.closeWriteEnd()
    let reports = try processes.map { process in
      let numbers = try process.succeed().split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
      guard numbers.count == 3 else { throw BenchFailure(.failed, "a process reported \(numbers)") }
      return (begin: numbers[0], end: numbers[1], byteCount: numbers[2])
    }
    guard let first = reports.map(\.begin).min(), let last = reports.map(\.end).max() else {
      throw BenchFailure(.failed, "the processes reported nothing")
    }
    return Pairing.Sample(amount: reports.reduce(0) { $0 + $1.byteCount }, seconds: last - first)
  }
}

/// One of the processes that ``FaultingProcesses`` starts: the command `bench-faults` runs it.
package enum FaultingProcess {
  static let ready = "ready"
  /// The pipe whose end is the signal to start.
  private static let startDescriptor: CInt = 3

  /// Says that it is ready, waits for the signal, touches a quarter as many pages as the file at `path` has, and prints
  /// when it began, when it was done (`CLOCK_MONOTONIC`, in seconds), and the bytes of those pages.
  package static func run(on path: String, seed: UInt64) throws {
    let mapped = try MappedFile(OpenedFile.open(path))
    let count = max(1, mapped.byteCount / 4096 / 4)
    try say(ready)
    var byte: UInt8 = 0
    try systemCall("read", "the pipe to start by") { read(startDescriptor, &byte, 1) }
    let begin = seconds()
    FileReader(stop: StopCheck { false }).touch(mapped, count: count, seed: seed)
    try say("\(begin) \(seconds()) \(count * 4096)")
  }

  private static func say(_ line: String) throws {
    try FileDescriptor.standardOutput.writeAll("\(line)\n".utf8)
  }

  private static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
