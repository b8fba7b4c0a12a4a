import Foundation
import TestSupport
import Testing

private typealias P = TestPickle

/// Whether the parsers are compiled as users have them.
let isOptimized: Bool = {
  var result = true
  // An assertion's condition is not evaluated in release builds.
  assert(
    {
      result = false; return true
    }())
  return result
}()

/// No file may make its reader take more than 100 MB of memory or two seconds of the processor, and no hostile one may be accepted.
///
/// Each file is parsed in a process of its own, whose peak memory the kernel tells.
@Suite(.serialized) struct HostileFileTests {
  /// What `FormatFuzzer measure` prints.
  private struct Measurement: Decodable {
    var verdict: String
    var message: String
    var tensorCount: Int
    var processorMilliseconds: Double
    var kibibytesBefore: Int
    var kibibytesAfter: Int
  }

  /// What the parser may take of the processor for one file.
  private static let processorMilliseconds = 2000.0

  static let small: [HostileFile] =
    ZipReaderTests.lies.map { lie in
      HostileFile("zip: " + lie.0) {
        let pickle = P.dict([("w", P.tensor(P.storage(count: 4), shape: [2, 2], strides: [2, 1]))])
        var archive = TestArchive(pickle: pickle, storages: [("0", [UInt8](repeating: 7, count: 16))])
        lie.1(&archive)
        return archive.bytes
      }
    }
    + (OddPickles.calls + OddPickles.tensors).map { odd in
      HostileFile(pickle: "pickle: " + odd.0) { P.dict([("w", odd.1)]) }
    }

  /// The fuzzer, which is built beside the tests.
  private static var fuzzer: String {
    get throws {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return URL(fileURLWithPath: tests).deletingLastPathComponent().path + "/FormatFuzzer"
    }
  }

  private func measure(_ file: HostileFile) throws -> Measurement {
    let folder = try TemporaryFolder()
    try file.write(to: folder("hostile"))
    let command = try Command.run(try Self.fuzzer, ["measure", folder("hostile")])
    #expect(command.status == 0, "\(command.errorText)")
    return try JSONDecoder().decode(Measurement.self, from: command.output)
  }

  private func expectRefusal(_ file: HostileFile) throws {
    let measured = try measure(file)
    // A GGUF file with quantized tensors is no state dict, whatever else is wrong with it.
    #expect(!measured.message.contains("quantized"), "\(file.name): \(measured.message)")
    #expect(measured.verdict != "accepted", "\(file.name): \(measured.tensorCount) tensors")
    #expect(measured.kibibytesAfter - measured.kibibytesBefore < 100_000_000 / 1024, "\(file.name)")
    try expectLittleWork(measured, file)
  }

  /// A processor that others use as well takes longer for the same work, so that the best of three times counts.
  private func expectLittleWork(_ first: Measurement, _ file: HostileFile) throws {
    guard isOptimized else { return }
    var times = [first.processorMilliseconds]
    while times.count < 3, times.allSatisfy({ $0 >= Self.processorMilliseconds }) {
      times.append(try measure(file).processorMilliseconds)
    }
    #expect(times.contains { $0 < Self.processorMilliseconds }, "\(file.name): \(times) ms")
  }

  @Test func thereAreManyAndTheirNamesDiffer() {
    let all =
      Self.small + HostileFile.bombs + HostileFile.archives + HostileFile.legacy
      + HostileFile.safetensors
      + HostileFile.gguf
    #expect(all.count >= 200)
    #expect(Set(all.map(\.name)).count == all.count)
  }

  @Test(
    .enabled(if: isOptimized, "takes minutes unless compiled as users have it: swift test -c release"),
    arguments: HostileFile.bombs)
  func picklesThatExhaustTheirReaderAreRefused(file: HostileFile) throws { try expectRefusal(file) }

  @Test(
    .enabled(
      if: isOptimized, "takes minutes unless compiled as users have it: swift test -c release"),
    arguments: HostileFile.archives + HostileFile.legacy + HostileFile.safetensors
      + HostileFile.gguf)
  func filesThatExhaustTheirReaderAreRefused(file: HostileFile) throws { try expectRefusal(file) }

  /// Texts, bytes and arrays stay in the file, and what nobody asks for is not kept.
  @Test(arguments: HostileFile.large)
  func largeFilesOfDataAreReadInLittleMemory(file: HostileFile) throws {
    let measured = try measure(file)
    #expect(measured.verdict == "accepted", "\(file.name): \(measured.message)")
    #expect(measured.kibibytesAfter - measured.kibibytesBefore < 60 << 10, "\(file.name)")
    try expectLittleWork(measured, file)
  }

  @Test func filesThatContradictThemselvesAreRefused() throws {
    for file in Self.small { try expectRefusal(file) }
  }
}
