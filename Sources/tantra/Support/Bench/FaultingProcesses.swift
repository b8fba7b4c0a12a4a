import FuseServer
import Glibc
import PosixIO

/// Processes that map one file and touch its pages at random, all at once.
struct FaultingProcesses {
  private static let processCount = 4

  /// Runs them on the file at `path`: the bytes of all pages they touched, and the time from the first's start to the
  /// last's end.
  static func run(on path: String) throws -> Pairing.Sample {
    let start: ChildPipe
    do {
      start = try ChildPipe()
    } catch {
      throw CommandFailure(.failed, "no pipe: \(String(cString: strerror(error.errno)))")
    }
    let processes = try (1...processCount).map { seed in
      try ChildProgram(
        "/proc/self/exe", ["bench-faults", path, "--seed", String(seed)], name: "tantra", inherited: start.readEnd)
    }
    for process in processes {
      guard try process.readLine() == FaultingProcess.ready else { try process.succeed(); continue }
    }
    start.closeWriteEnd()
    let reports = try processes.map { process in
      try process.succeed().flatMap { $0.split(separator: " ").compactMap { Double($0) } }
    }
    guard let first = reports.map(\.[0]).min(), let last = reports.map(\.[1]).max() else {
      throw CommandFailure(.failed, "the processes reported nothing")
    }
    return Pairing.Sample(amount: reports.reduce(0) { $0 + $1[2] }, seconds: last - first)
  }
}

/// One of them.
enum FaultingProcess {
  static let ready = "ready"
  /// The pipe whose end is the signal to start.
  private static let startDescriptor: CInt = 3

  /// Says that it is ready, waits for the signal, touches a quarter as many pages as the file at `path` has, and prints
  /// when it began, when it was done (`CLOCK_MONOTONIC`, in seconds), and the bytes of those pages.
  static func run(on path: String, seed: UInt64) throws {
    let mapped = try MappedFile(OpenedFile.open(path))
    let count = max(1, mapped.byteCount / 4096 / 4)
    Console.print(ready)
    var byte: UInt8 = 0
    while read(startDescriptor, &byte, 1) < 0, errno == EINTR {}
    let begin = seconds()
    FileReader.touch(mapped, count: count, seed: seed)
    Console.print("\(begin) \(seconds()) \(count * 4096)")
  }

  private static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
