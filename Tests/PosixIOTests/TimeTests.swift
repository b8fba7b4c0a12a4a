import Glibc
import PosixIO
import TestSupport
import Testing

/// Times that a file may have and that a number of nanoseconds cannot hold.
@Suite struct TimeTests {
  @Test(arguments: [Int64.min, .min + 1, -2_000_000_000, -1_500_000_000, -1, 0, 1, 999_999_999, 1_000_000_000, .max])
  func everyNumberOfNanosecondsComesBack(nanoseconds: Int64) {
    let (seconds, rest) = UnixTime.parts(of: nanoseconds)
    #expect(UnixTime.nanoseconds(seconds: seconds, rest: rest) == nanoseconds)
    #expect((0..<1_000_000_000).contains(rest))
  }

  @Test(arguments: [
    (9_223_372_036, 854_775_807, Int64.max), (9_223_372_036, 854_775_808, .max), (9_223_372_037, 0, .max),
    (Int.max, 999_999_999, .max), (-9_223_372_037, 145_224_192, .min), (-9_223_372_037, 145_224_191, .min),
    (-9_223_372_038, 999_999_999, .min), (Int.min, 0, .min), (-9_223_372_037, 145_224_193, .min + 1),
  ])
  func timesBeyondTheNumbersBecomeTheNearestOne(seconds: Int, rest: Int, expected: Int64) {
    #expect(UnixTime.nanoseconds(seconds: seconds, rest: rest) == expected)
  }

  /// In memory, where times have 64 bits.
  private func withFile(_ body: (_ path: String, _ file: OpenedFile) throws -> Void) throws {
    let name = "tantra-time-\(UInt64.random(in: 0 ... .max))"
    let file = try Folder.open("/dev/shm").makeFile(name, exclusively: true)
    defer { unlink(file.path) }
    try body(file.path, file)
  }

  @Test(arguments: [("2300-01-01", Int64.max), ("2262-04-12", .max), ("1600-01-01", .min)])
  func aFileOfAnyTimeHasAStatus(day: String, expected: Int64) throws {
    try withFile { path, file in
      #expect(try Command.run("touch", ["-d", day + " 00:00:00 UTC", path]).status == 0)
      #expect(try file.status().modified == expected)
      #expect(try Folder.open("/dev/shm").status(of: String(path.dropFirst(9)))?.modified == expected)
      _ = try FileWitness(file, isShared: false)
    }
  }

  @Test(arguments: [Int64.min, -1, 0, .max])
  func everyTimeCanBeSet(nanoseconds: Int64) throws {
    try withFile { _, file in
      try file.setModified(nanoseconds)
      #expect(try file.status().modified == nanoseconds)
    }
  }
}
