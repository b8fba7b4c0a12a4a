import Foundation
import PosixIO
import TestSupport
import Testing

/// `tantra bench`, run for real on a small model. Nothing here asks for speed.
@Suite(canMount, .serialized) struct BenchTests {
  private struct Report: Decodable {
    struct Summary: Decodable {
      var median: Double
      var smallest: Double
      var largest: Double
    }
    struct Round: Decodable {
      var native: Double
      var mount: Double
      var ratio: Double
      var mountFirst: Bool
    }
    struct Figures: Decodable {
      var ratio: Summary?
      var native: Summary?
      var mount: Summary?
      var rounds: [Round]
      var parts: [String: Double]
    }
    struct Line: Decodable {
      var name: String
      var title: String
      var against: String
      var unit: String
      var outcome: String
      var reason: String?
      var figures: Figures?
    }
    struct Environment: Decodable {
      var kernel: String
      var cores: Int
      var fileSystem: String
      var coldMethod: String?
      var python: String?
      var variables: [String: String]
    }
    var environment: Environment
    var modelBytes: Int
    var tensors: Int
    var rounds: Int
    var lines: [Line]
  }

  private static let names = [
    "read-hot", "map-hot", "read-cold", "map-cold", "read-cold-synthesized", "map-cold-synthesized", "read-first",
    "map-first", "read-second-safetensors", "read-second-pt", "read-second-bin", "read-later-safetensors",
    "read-later-pt", "read-later-bin", "cache-written", "cache-synthesized", "torch-load-pt", "torch-load-bin",
    "load-file", "processes", "threads", "copy-in", "convert", "daemon-memory", "stat", "open", "read-compressed",
    "map-compressed", "random-compressed", "read-compressed-cold", "random-compressed-cold", "compressed-memory",
    "bindfs",
    "rclone",
  ]

  /// Lines of programs that a machine need not have.
  private static let optional: Set = ["bindfs", "rclone"]

  private let fixture: TantraFixture

  init() throws {
    fixture = try TantraFixture(shipped: false)
    try FileManager.default.createDirectory(atPath: fixture.scratch("place"), withIntermediateDirectories: true)
  }

  private var place: String { fixture.scratch("place") }

  private func bench(_ arguments: String..., environment: [String: String] = [:]) throws -> Command {
    try Command.run(
      TantraFixture.executable, ["bench", "--in", place, "--python", Python.interpreter] + arguments,
      environment: ["TANTRA_STORE": fixture.storePath].merging(environment) { $1 })
  }

  /// That no file, no mount and no process of a run in ``place`` is there any more.
  private func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) throws {
    #expect(try FileManager.default.contentsOfDirectory(atPath: place) == [], sourceLocation: location)
    let mounts = try #require(FileManager.default.contents(atPath: "/proc/self/mountinfo"))
    #expect(!String(decoding: mounts, as: UTF8.self).contains(place), sourceLocation: location)
    #expect(eventually { Self.processes(naming: place).isEmpty }, sourceLocation: location)
    #expect(!FileManager.default.fileExists(atPath: fixture.storePath), sourceLocation: location)
  }

  /// Processes whose arguments contain a text.
  private static func processes(naming text: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.filter { pid in
      Int(pid) != nil
        && FileManager.default.contents(atPath: "/proc/\(pid)/cmdline").map { String(decoding: $0, as: UTF8.self) }?
          .contains(text) == true
    } ?? []
  }

  @Test func everyLineIsMeasuredAndNothingIsLeftBehind() throws {
    let chart = fixture.scratch("chart.png")
    let command = try bench(
      "--size", "8MiB", "--rounds", "2", "--json", "--chart", chart, environment: ["OPENBLAS_CORETYPE": "Haswell"])
    #expect(command.status == 0, "\(command.errorText)")
    try expectNothingLeft()
    let report = try JSONDecoder().decode(Report.self, from: command.output)
    #expect(report.lines.map(\.name) == Self.names)
    #expect(report.rounds == 2)
    #expect(abs(report.modelBytes - 8 << 20) < 1 << 20 && report.tensors > 8)
    #expect(report.environment.cores > 0 && report.environment.kernel.contains("."))
    #expect(report.environment.variables["OPENBLAS_CORETYPE"] == "Haswell")
    #expect(report.environment.coldMethod?.contains("fadvise") == true)
    #expect(report.environment.python?.contains("torch 2") == true)
    for line in report.lines where !Self.optional.contains(line.name) || line.outcome != "skipped" {
      #expect(["met", "missed", "measured"].contains(line.outcome), "\(line.name): \(line.reason ?? "")")
      try expectSense(of: line, rounds: report.rounds)
    }
    let picture = try #require(FileManager.default.contents(atPath: chart))
    #expect(picture.starts(with: [0x89] + Array("PNG\r\n".utf8)) && picture.count > 10_000)
  }

  /// That the figures of a line belong together.
  private func expectSense(of line: Report.Line, rounds: Int) throws {
    let figures = try #require(line.figures, "\(line.name)")
    let mount = try #require(figures.mount, "\(line.name)")
    #expect(mount.smallest > 0 && mount.smallest <= mount.median && mount.median <= mount.largest, "\(line.name)")
    if line.unit == "bytes" { return }
    let ratio = try #require(figures.ratio, "\(line.name)")
    #expect(figures.rounds.count == rounds, "\(line.name)")
    #expect(figures.rounds.map(\.mountFirst) == (0..<rounds).map { $0 % 2 == 1 }, "\(line.name)")
    for round in figures.rounds {
      #expect(abs(round.mount / round.native - round.ratio) < 1e-6 * round.ratio, "\(line.name)")
      #expect(ratio.smallest <= round.ratio && round.ratio <= ratio.largest, "\(line.name)")
    }
    if line.name == "copy-in" {
      let parts = ["native cp", "native sync", "mount write", "mount close", "hash alone"].map { $0 + " seconds" }
      #expect(parts.allSatisfy { (figures.parts[$0] ?? 0) > 0 }, "\(figures.parts)")
    }
  }

  @Test func aTableIsForPeople() throws {
    let command = try bench("--size", "2M", "--rounds", "1", "--only", "read-hot", "copy-in", "daemon-memory")
    #expect(command.status == 0, "\(command.errorText)")
    let text = command.outputText
    #expect(text.contains("LINE") && text.contains("RANGE") && text.contains("Linux "))
    #expect(text.contains("read of the written view, in memory") && text.contains("copy-in: hash alone"))
    #expect(!text.contains("torch.load") && command.errorText.isEmpty)
    try expectNothingLeft()
  }

  @Test func withoutTorchItsLinesAreSkipped() throws {
    let command = try bench(
      "--size", "1M", "--rounds", "1", "--json", "--only", "torch-load-pt", "stat", "--python", "/bin/false")
    #expect(command.status == 0, "\(command.errorText)")
    let report = try JSONDecoder().decode(Report.self, from: command.output)
    #expect(report.lines.map(\.outcome) == ["skipped", "measured"])
    #expect(report.lines[0].reason?.contains("/bin/false") == true)
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalEndsItInOrder(signal: Int32) throws {
    let process = try ChildProcess(
      "/usr/bin/env",
      [
        "env", "TANTRA_STORE=\(fixture.storePath)", TantraFixture.executable, "bench", "--in", place, "--size", "64M",
        "--rounds", "900", "--python", Python.interpreter,
      ])
    let isMounted = eventually {
      FileManager.default.contents(atPath: "/proc/self/mountinfo").map { String(decoding: $0, as: UTF8.self) }?
        .contains(place) == true
    }
    #expect(isMounted)
    process.send(signal)
    #expect(process.wait() == 130)
    try expectNothingLeft()
  }

  @Test(arguments: [
    (["--size", "much"], Int32(64), "much"), (["--size=-5"], 64, "-5"), (["--size", "12Q"], 64, "12Q"),
    (["--size", "100K"], 64, "1 MiB or more"), (["--rounds", "0"], 64, "--rounds"),
    (["--only", "nothing"], 64, "there is no line \"nothing\""),
    (["--size", "100TiB"], 74, "use a smaller --size"), (["--size", "3000000T"], 74, "use a smaller --size"),
    (["--in", "/nowhere/at/all"], 66, "/nowhere/at/all"),
    (["--chart", "/nowhere/chart.png"], 66, "/nowhere/chart.png"),
  ])
  func whatCannotBeMeasuredIsRefused(arguments: [String], status: Int32, text: String) throws {
    let command = try Command.run(
      TantraFixture.executable, ["bench", "--in", place] + arguments, environment: ["TANTRA_STORE": fixture.storePath])
    #expect(command.status == status, "\(command.errorText)")
    #expect(command.errorText.contains(text), "\(command.errorText)")
    try expectNothingLeft()
  }

  @Test func anotherFileSystemThanTheStoresIsRefused() throws {
    try fixture.succeed("generate")
    let command = try Command.run(
      TantraFixture.executable, ["bench", "--in", "/proc"], environment: ["TANTRA_STORE": fixture.storePath])
    #expect(command.status == 64)
    #expect(command.errorText.contains("another file system"))
  }

  @Test func withoutFuseItSaysWhatIsMissing() throws {
    try #require(getuid() == 0, "only root can hide a device")
    let script = """
      mount -t tmpfs none /dev && exec '\(TantraFixture.executable)' bench --in '\(place)' --store '\(fixture.storePath)'
      """
    let command = try Command.run("unshare", ["--mount", "--propagation", "private", "sh", "-c", script])
    #expect(command.status == 1)
    #expect(command.errorText.contains("FUSE") || command.errorText.contains("/dev/fuse"), "\(command.errorText)")
    try expectNothingLeft()
  }
}
