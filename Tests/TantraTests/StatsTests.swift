import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct StatsTests {
  private struct Statistics: Decodable {
    struct Version: Decodable, Equatable {
      var model: String
      var version: String
      var presentedBytes: Int
      var storedBytes: Int
      var ownBytes: Int
      var duplicatedBytes: Int
    }
    var versions: [Version]
    var presentedBytes: Int
    var storedBytes: Int
    var otherBytes: Int
    var duplicateBytes: Int
  }

  private let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(shipped: false) }

  private func statistics() throws -> Statistics {
    try JSONDecoder().decode(Statistics.self, from: Data(try fixture.succeed("stats", "--json").utf8))
  }

  /// Bytes of all files below the store's blobs.
  private func diskBytes() throws -> Int {
    try fixture.scratch.files(below: "store/weights").reduce(0) { try $0 + fixture.scratch.read($1).count }
  }

  @Test func aSecondFileOfTheSameWeightsDuplicatesNothing() throws {
    // 47 floats.
    let zip = try fixture.scratch.write("m.pt", try SmallWeights.example().torchZip())
    try fixture.succeed("import", zip, "--model", "m")
    let before = try statistics()
    #expect(before.duplicateBytes == 0 && before.otherBytes == 0)
    #expect(before.storedBytes == (try diskBytes()))
    #expect(before.versions.map(\.ownBytes) == [before.storedBytes])
    let other = try fixture.scratch.write("m.safetensors", try SmallWeights.example().safetensors())
    try fixture.succeed("import", other, "--model", "m", "--version", "v1.0")
    let after = try statistics()
    #expect(after.duplicateBytes == 0)
    #expect(after.versions.map(\.duplicatedBytes) == [0])
    #expect(after.storedBytes == (try diskBytes()) && after.otherBytes == 0)
  }

  @Test func whatIsKeptWholeAllTheSameIsADuplicate() throws {
    // 40 of 440 floats are stored already: less than an eighth.
    let first = SmallWeights([("a", (0..<40).map(Float.init))])
    let second = SmallWeights([("a", (0..<40).map(Float.init)), ("b", (0..<400).map { Float($0) + 0.5 })])
    for (name, weights) in [("first", first), ("second", second)] {
      let file = try fixture.scratch.write("\(name).safetensors", try weights.safetensors())
      try fixture.succeed("import", file, "--model", name)
    }
    let figures = try statistics()
    #expect(figures.duplicateBytes == 40 * 4)
    // Both copies count for their versions, one of them could be saved.
    #expect(figures.versions.map(\.duplicatedBytes) == [40 * 4, 40 * 4])
    #expect(figures.storedBytes == (try diskBytes()) && figures.otherBytes == 0)
  }

  @Test func whatVersionsShareIsNobodysOwn() throws {
    let zip = try fixture.scratch.write("m.pt", try SmallWeights.example().torchZip())
    for version in ["v1.0", "v1.1"] { try fixture.succeed("import", zip, "--model", "m", "--version", version) }
    let figures = try statistics()
    #expect(figures.versions.map(\.ownBytes) == [0, 0])
    #expect(figures.versions.map(\.storedBytes) == [figures.storedBytes, figures.storedBytes])
    #expect(figures.duplicateBytes == 0)
    #expect(figures.storedBytes == (try diskBytes()))
    try fixture.scratch.write("store/weights/sha256/\(try anyPrefix())/left", Array(repeating: 7, count: 1000))
    #expect(try statistics().otherBytes == 1000)
    #expect(try fixture.succeed("stats").contains("of which no version needs 1000 B"))
    // Every byte is somebody's own, shared, or nobody's.
    let shared = ByteCount(bytes: figures.storedBytes)
    #expect(try fixture.succeed("stats").contains("needed by   one version alone 0 B, several \(shared)\n"))
    try fixture.succeed("import", zip, "--model", "other")
    #expect(try fixture.succeed("stats", "m").split(separator: "\n").count { $0.hasPrefix("m ") } == 2)
    #expect(try !fixture.succeed("stats", "m").contains("other"))
    #expect(try fixture.tantra(["stats", "n"]).status == 66)
  }

  private func anyPrefix() throws -> String {
    try #require(try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("store/weights/sha256")).first)
  }

  @Test func formatsAreMeasuredOnTheSpot() throws {
    struct Comparison: Decodable {
      var model: String
      var format: String
      var byteCount: Int
      var isWritten: Bool
      var loadSeconds: Double
      var opensWith: [String]
      var safety: String
    }
    let legacy = try fixture.scratch.write("m.pt", try SmallWeights.example().torchZip())
    try fixture.succeed("import", legacy, "--model", "m")
    let json = try fixture.succeed("stats", "--formats", "--json")
    let found = try JSONDecoder().decode([Comparison].self, from: Data(json.utf8))
    #expect(found.map(\.format).sorted() == ["bin", "pt", "safetensors"])
    for comparison in found {
      let target = fixture.scratch("out-\(comparison.format)")
      try fixture.succeed("export", "m", "--format", comparison.format, "--to", target)
      let name = "m_v1.0_\(comparison.format).\(comparison.format)"
      #expect(try Data(contentsOf: URL(fileURLWithPath: target + "/" + name)).count == comparison.byteCount)
      #expect(comparison.loadSeconds > 0 && comparison.safety.hasPrefix("safe"))
      #expect(comparison.isWritten == (comparison.format != "safetensors"))
      #expect(comparison.opensWith.contains(comparison.format == "safetensors" ? "transformers" : "torch mmap"))
    }
    #expect(try fixture.succeed("stats", "--formats").contains("inert; loads with weights_only=True"))
  }

  @Test(canMount) func presentedIsWhatTheMountShows() throws {
    let shipped = try TantraFixture()
    try shipped.mount()
    let script = "find \(shipped.mountpoint)/*/v1.0 -type f -printf '%s\\n'"
    let sizes = try Command.run("bash", ["-c", script]).outputText.split(separator: "\n").compactMap { Int($0) }
    let figures = try JSONDecoder().decode(Statistics.self, from: Data(try shipped.succeed("stats", "--json").utf8))
    #expect(sizes.count == 12)
    #expect(figures.presentedBytes == sizes.reduce(0, +))
    #expect(figures.versions.count == 3)
  }
}
