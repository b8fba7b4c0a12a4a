import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

@Suite struct CompactionTests {
  let fixture: RegistryFixture
  let registry: WeightRegistry
  let old: [UInt8]
  let new: [UInt8]

  /// A version of ten tensors, and a later one that shares two of them: then the first is gone but for those two.
  init() throws {
    fixture = try RegistryFixture()
    registry = try fixture.open()
    old = try Self.weights(Array(0..<10)).safetensors()
    new = try Self.weights([8, 9, 20, 21]).torchZip()
    try fixture.importFile(old, as: "safetensors", into: registry)
    try fixture.importFile(new, as: "pt", version: "v2", into: registry)
    try registry.activation.setActive(fixture.model, try Self.version("v2"))
  }

  private static func version(_ text: String) throws -> VersionName { try VersionName(validating: text) }

  private static func weights(_ seeds: [Int]) -> SmallWeights {
    SmallWeights(seeds.map { seed in ("layer.\(seed)", (0..<1024).map { Float($0 &+ seed &* 7919) }) })
  }

  private func storedBytes() throws -> Int {
    try fixture.scratch.files(below: "store/weights").reduce(0) { try $0 + fixture.scratch.read($1).count }
  }

  private func expectWhole(_ version: String, in registry: WeightRegistry) throws {
    #expect(try fixture.bytes(of: "pt", version: version, in: registry) == new)
    let report = try registry.validation.validate(fixture.model, try Self.version(version))
    #expect(report.isValid, "\(report.text)")
  }

  @Test func aPackThatIsMostlyDeadGivesWayToASmallerOne() throws {
    let safetensors = try fixture.bytes(of: "safetensors", version: "v2", in: registry)
    try registry.retention.backup(fixture.model, try Self.version("v2"))
    try registry.retention.retire(fixture.model, fixture.version)
    let before = try storedBytes()
    let planned = try registry.retention.purge(nil, nil, isDryRun: true)
    #expect(planned.compactedPacks == 1 && planned.purged == ["mamba/v1.0"])
    #expect(try storedBytes() == before)
    let report = try registry.retention.purge(nil, nil)
    #expect(report.compactedPacks == 1)
    #expect(try storedBytes() == before - report.freedBytes)
    #expect(report.freedBytes > 7 * 4096)
    #expect(abs(report.freedBytes - planned.freedBytes) < 1500)
    try expectWhole("v2", in: registry)
    #expect(try fixture.bytes(of: "safetensors", version: "v2", in: registry) == safetensors)
    // Nothing is left to do, and the backup is whole too.
    #expect(try registry.retention.purge(nil, nil).compactedPacks == 0)
    try fixture.importFile(try Self.weights([50]).safetensors(), as: "safetensors", version: "v3", into: registry)
    try registry.activation.setActive(fixture.model, try Self.version("v3"))
    try registry.retention.retire(fixture.model, try Self.version("v2"))
    #expect(try registry.retention.purge(nil, nil).purged == ["mamba/v2"])
    try registry.retention.restore(fixture.model, try Self.version("v2"))
    try expectWhole("v2", in: registry)
    // What was moved is found again by the next import.
    let manifest = try fixture.importFile(
      try Self.weights([8, 9, 30]).safetensors(), as: "safetensors", version: "v4", into: registry)
    #expect(manifest.weights[0].isStitched)
  }

  @Test func anOpenFileKeepsItsBytesThroughCompaction() throws {
    let view = try registry.views.open("pt", of: fixture.model, try Self.version("v2"))
    try registry.retention.retire(fixture.model, fixture.version)
    #expect(try registry.retention.purge(nil, nil).compactedPacks == 1)
    #expect(try view.bytes(at: 0, count: view.byteCount, what: "") == new)
  }

  @Test func aReaderThatKnowsTheOldManifestFindsWhatWasMoved() throws {
    let reader = try fixture.open(.reading)
    _ = try reader.records.manifest(of: fixture.model, try Self.version("v2"))
    try registry.retention.retire(fixture.model, fixture.version)
    #expect(try registry.retention.purge(nil, nil).compactedPacks == 1)
    #expect(try fixture.bytes(of: "pt", version: "v2", in: reader) == new)
    #expect(try fixture.bytes(of: "safetensors", version: "v2", in: reader).count > 4 * 4096)
  }

  @Test func whatIsServedWholeKeepsItsPack() throws {
    try registry.retention.backup(fixture.model, fixture.version)
    try registry.retention.retire(fixture.model, fixture.version)
    #expect(try registry.retention.purge(nil, nil).compactedPacks == 0)
    try registry.retention.restore(fixture.model, fixture.version)
    #expect(try fixture.bytes(of: "safetensors", in: registry) == old)
  }

  @Test func aDamagedTensorStopsTheCompactionOfItsPackAndNothingElse() throws {
    let blob = try registry.records.manifest(of: fixture.model, fixture.version).weights[0].blob.hexadecimal
    try registry.retention.retire(fixture.model, fixture.version)
    let value = withUnsafeBytes(of: Float(1023 + 8 * 7919).bitPattern.littleEndian, Array.init)
    try fixture.damage(fixture.path(ofBlob: blob), at: value)
    let copy = fixture.scratch("copy")
    _ = try Command.run("cp", ["-r", fixture.storePath, copy])
    let reopened = try fixture.open(path: copy)
    #expect(try reopened.retention.purge(nil, nil).compactedPacks == 0)
    let report = try reopened.validation.validate(fixture.model, try Self.version("v2"))
    #expect(report.text.contains("tensor \"layer.8\""))
    #expect(!report.text.contains("layer.9"))
  }

  @Test func aReplacedFileLeavesThePacksOfTheRulingTable() throws {
    let second = try registry.views.open("bin", of: fixture.model, fixture.version).byteCount
    // The same weights, written in another way, replace the file that the table came from.
    var padded = old
    padded.insert(contentsOf: Array(repeating: UInt8(ascii: " "), count: 8), at: 8 + Int(old[0]) + Int(old[1]) << 8)
    let length = UInt64(old[0]) + UInt64(old[1]) << 8 + 8
    withUnsafeBytes(of: length.littleEndian) { padded.replaceSubrange(0..<8, with: $0) }
    try fixture.importFile(padded, as: "safetensors", into: registry)
    _ = try registry.retention.purge(nil, nil)
    #expect(try fixture.bytes(of: "safetensors", in: registry) == padded)
    #expect(try fixture.bytes(of: "bin", in: registry).count == second)
    #expect(try registry.validation.validate(fixture.model, fixture.version).isValid)
  }
}
