import BlobStore
import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// Versions that are compressed, and those that are not.
@Suite struct CompressionTests {
  private let fixture: RegistryFixture

  init() throws { fixture = try RegistryFixture() }

  /// Weights of two tensors, of 200 KB, of which the first fills the first block; another seed has nothing in common with others.
  private static func weights(_ seed: Int) -> SmallWeights {
    var numbers = SeededNumbers(state: UInt64(seed))
    func values(_ count: Int) -> [Float] {
      (0..<count).map { _ in (Float(numbers.next() >> 40) / 8_388_608 - 1) * 0.05 }
    }
    return SmallWeights([("embedding.weight", values(40_000)), ("head.weight", values(10_000))])
  }

  private func publish(_ version: String, _ seed: Int, in registry: WeightRegistry) throws -> Manifest {
    try fixture.importFile(try Self.weights(seed).safetensors(), as: "safetensors", version: version, into: registry)
  }

  private func isCompressed(_ manifest: Manifest, in registry: WeightRegistry) throws -> Bool {
    let standing = try registry.compression.standing(of: manifest)
    return standing.files > 0
  }

  private func name(_ text: String) throws -> VersionName { try VersionName(validating: text) }

  @Test func everyViewKeepsItsBytes() throws {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(
      try Self.weights(1).torchZip(), as: "pt", files: ["vocab.txt": String(repeating: "token\n", count: 5000)],
      into: registry)
    let views = ["safetensors", "pt", "bin"]
    let before = try views.map { try fixture.bytes(of: $0, in: registry) }
    let open = try registry.views.open("safetensors", of: fixture.model, fixture.version)
    let report = try registry.compression.compress(fixture.model, fixture.version)
    #expect(report.files == 2 && report.bytesAfter < report.bytesBefore * 9 / 10 && report.damaged.isEmpty, "\(report)")
    #expect(report.text.contains("compressed 2 files") && report.versions == ["mamba/v1.0"])
    #expect(try views.map { try fixture.bytes(of: $0, in: registry) } == before)
    // Whoever had it open reads on.
    #expect(try open.bytes(at: 0, count: open.byteCount, what: "open") == before[0])
    #expect(try registry.validation.validate(fixture.model, fixture.version).isValid)
    let file = try #require(manifest.files.first)
    let opened = try registry.views.open(file)
    #expect(
      try opened.bytes(at: 0, count: opened.byteCount, what: "")
        == Array(String(repeating: "token\n", count: 5000).utf8))
    // Once more: nothing is left to do.
    let again = try registry.compression.compress(fixture.model, fixture.version)
    #expect(again.files == 0 && again.already == 2)
    let back = try registry.compression.thaw(fixture.model, fixture.version)
    #expect(back.files == 2 && back.bytesAfter == report.bytesBefore && back.bytesBefore == report.bytesAfter)
    #expect(try views.map { try fixture.bytes(of: $0, in: registry) } == before)
    #expect(try !isCompressed(manifest, in: registry))
  }

  @Test func statisticsTellWhatIsOnTheDisk() throws {
    let registry = try fixture.open()
    _ = try publish("v1.0", 1, in: registry)
    let before = try registry.statistics()
    let usage = StoreUsage(registry.records)
    let plain = try usage.current()
    #expect(plain.compressedBytes == 0)
    let report = try registry.compression.compress(fixture.model, fixture.version)
    let after = try registry.statistics()
    let saved = report.bytesBefore - report.bytesAfter
    #expect(saved > 10_000)
    #expect(before.storedBytes - after.storedBytes == saved && after.otherBytes == before.otherBytes)
    #expect(before.versions[0].storedBytes - after.versions[0].storedBytes == saved)
    #expect(after.versions[0].presentedBytes == before.versions[0].presentedBytes)
    #expect(after.versions[0].compressed.storedBytes == report.bytesAfter)
    let figures = try usage.current()
    #expect(figures.storedBytes == plain.storedBytes - saved && figures.compressedBytes == report.bytesAfter)
  }

  @Test func aDryRunChangesNothingAndComesNear() throws {
    let registry = try fixture.open()
    let manifest = try publish("v1.0", 1, in: registry)
    let estimate = try registry.compression.compress(fixture.model, fixture.version, isDryRun: true)
    #expect(try !isCompressed(manifest, in: registry))
    let report = try registry.compression.compress(fixture.model, fixture.version)
    #expect(estimate.isDryRun && estimate.files == report.files && estimate.bytesBefore == report.bytesBefore)
    #expect(abs(estimate.bytesAfter - report.bytesAfter) < report.bytesAfter / 50)
  }

  // MARK: Policies

  @Test func aModelWhosePolicyIsNoHasNothingCold() throws {
    let registry = try fixture.open()
    _ = try publish("v1.0", 1, in: registry)
    let error = #expect(throws: StoreError.self) { try registry.compression.compress(fixture.model, nil) }
    #expect(error?.message.contains("tantra config mamba compress inactive") == true)
    #expect(try registry.compression.compress(nil, nil).files == 0)
    let unknown = #expect(throws: StoreError.self) {
      try registry.compression.compress(ModelName(validating: "mambo"), nil)
    }
    #expect(unknown?.code == .unknownModel)
  }

  @Test func inactiveIsWhatNoLinkLeadsTo() throws {
    let registry = try fixture.open()
    let manifests = try (1...4).map { try publish("v1.\($0)", $0, in: registry) }
    try registry.activation.setActive(fixture.model, name("v1.2"))
    try registry.activation.tag(fixture.model, name("v1.3"), as: name("stable"), by: .current)
    try registry.policies.set(.compress, of: fixture.model, to: "inactive")
    #expect(try registry.compression.compressCold { _, _, _ in true }.files == 2)
    #expect(try manifests.map { try isCompressed($0, in: registry) } == [true, false, false, true])
    // What becomes active is taken back, after the switch.
    try registry.activation.setActive(fixture.model, name("v1.4"))
    #expect(try isCompressed(manifests[3], in: registry))
    #expect(try registry.compression.thawActive().files == 1)
    #expect(try manifests.map { try isCompressed($0, in: registry) } == [true, false, false, false])
  }

  @Test func removedIsWhatCanOnlyBeRestored() throws {
    let registry = try fixture.open()
    let manifests = try (1...3).map { try publish("v1.\($0)", $0, in: registry) }
    try registry.policies.set(.compress, of: nil, to: "removed")
    try registry.retention.retire(fixture.model, name("v1.2"))
    #expect(try registry.compression.compress(fixture.model, nil).files == 1)
    #expect(try manifests.map { try isCompressed($0, in: registry) } == [false, true, false])
    // A purge of others leaves it, and it can be restored.
    _ = try registry.retention.purge(fixture.model, name("v1.3"))
    try registry.retention.restore(fixture.model, name("v1.2"))
    #expect(try registry.validation.validate(fixture.model, name("v1.2")).isValid)
    // Purged, it goes with its compressed files.
    try registry.retention.retire(fixture.model, name("v1.2"))
    let freed = try registry.retention.purge(fixture.model, name("v1.2"))
    #expect(freed.removedBlobs == 2)
    #expect(try fixture.scratch.files(below: "store/weights").allSatisfy { !$0.hasSuffix(".z") })
  }

  @Test func whatAnActiveVersionNeedsIsNeverCold() throws {
    let registry = try fixture.open()
    let bytes = try Self.weights(1).safetensors()
    _ = try fixture.importFile(bytes, as: "safetensors", version: "v1.0", into: registry)
    let copy = try fixture.importFile(bytes, as: "safetensors", version: "v1.1", into: registry)
    try registry.policies.set(.compress, of: fixture.model, to: "inactive")
    #expect(try registry.compression.compressCold { _, _, _ in true }.files == 0)
    #expect(try !isCompressed(copy, in: registry))
  }

  // MARK: Damage

  @Test func damageIsNamedByTensor() throws {
    let registry = try fixture.open()
    let manifest = try publish("v1.0", 1, in: registry)
    _ = try registry.compression.compress(fixture.model, fixture.version)
    let path = fixture.path(ofBlob: try #require(manifest.weights.first).blob.hexadecimal) + ".z"
    var file = try fixture.scratch.read(path)
    // In the first block, which has the first tensor only.
    file[20_000] ^= 4
    try FileManager.default.removeItem(atPath: fixture.scratch(path))
    try fixture.scratch.write(path, file)
    let reader = try fixture.open(.reading)
    let report = try reader.validation.validate(fixture.model, fixture.version)
    let blobs = try #require(report.checks.first)
    #expect(!report.isValid && blobs.details.contains { $0.contains("embedding.weight") }, "\(report.text)")
    #expect(!blobs.details.contains { $0.contains("head.weight") }, "\(report.text)")
    let view = try reader.views.open("pt", of: fixture.model, fixture.version)
    #expect {
      try view.bytes(at: 0, count: view.byteCount, what: "pt")
    } throws: { error in
      "\(error)".contains("tensor \"embedding.weight\" cannot be read") && !"\(error)".contains("head.weight")
    }
    // Nothing is taken back that is not what it was.
    let thawed = try registry.compression.thaw(fixture.model, fixture.version)
    #expect(thawed.files == 0 && thawed.damaged.count == 1 && thawed.text.contains("tantra validate"))
    // The intact file mends it, as a plain one.
    _ = try publish("v1.0", 1, in: registry)
    #expect(try registry.validation.validate(fixture.model, fixture.version).isValid)
    #expect(try !isCompressed(manifest, in: registry))
  }

  // MARK: The format

  @Test func anUpgradeIsTakenBackWithPlainFiles() throws {
    let source = Python.packageRoot + "/Tests/Fixtures/store-format-3"
    let copy = try Command.run("cp", ["-r", source, fixture.storePath])
    try #require(copy.status == 0, "\(copy.errorText)")
    let before = try fixture.snapshot()
    _ = try StoreUpgrade(storePath: fixture.storePath).run()
    let tiny = try ModelName(validating: "tiny")
    do {
      let registry = try fixture.open()
      // Tables, too, which nobody compresses: everything reads them.
      for version in try registry.records.versions(of: tiny) {
        for (table, _) in try registry.records.manifest(of: tiny, version).tables {
          _ = try BlobPacking(registry.blobs).pack(table, nil) { _ in true }
        }
        #expect(try registry.validation.validate(tiny, version).isValid)
      }
    }
    #expect(try fixture.scratch.files(below: "store/weights").contains { $0.hasSuffix(".z") })
    // An older Tantra, which does not know of such files, does not open the store.
    #expect(WeightConfig.currentFormat >= 4)
    _ = try StoreUpgrade(storePath: fixture.storePath).rollback()
    #expect(try fixture.snapshot().filter { !$0.key.contains("/.upgrade/") } == before)
  }
}
