import Foundation
import Glibc
import PosixIO
import Tensors
import WeightFormats

/// Parses one file in a process of its own, and says what that took.
struct Measurement: Codable {
  /// `accepted`, or the code of the refusal.
  var verdict: String
  var message: String
  var tensorCount: Int
  /// What the process has spent of the processor, the system's part included: what else runs does not count.
  var processorMilliseconds: Double
  /// The most memory that the process had in use so far (`VmHWM` of /proc/self/status), before parsing and after.
  var kibibytesBefore: Int
  var kibibytesAfter: Int

  init(_ path: String) throws {
    let source = try FileSource(OpenedFile.open(path))
    kibibytesBefore = try Self.peak()
    let start = Self.processorTime()
    (verdict, message, tensorCount) = Self.parse(source)
    processorMilliseconds = Self.processorTime() - start
    kibibytesAfter = try Self.peak()
  }

  private static func parse(_ source: FileSource) -> (String, String, Int) {
    do throws(FormatError) {
      let (format, file) = try WeightFormatCatalogue.parse(source)
      return ("accepted", format.name, file.stateDict.tensors.count)
    } catch {
      return (error.code.rawValue, error.message, 0)
    }
  }

  /// Milliseconds since the process began: `getrusage(2)`.
  private static func processorTime() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let microseconds = [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Int($1.tv_sec) * 1_000_000 + Int($1.tv_usec) }
    return Double(microseconds) / 1000
  }

  private static func peak() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      if let count = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) { return count }
    }
    throw FuzzFailure(description: "/proc/self/status has no VmHWM")
  }
}
