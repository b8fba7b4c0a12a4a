import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// Stores of every format that there has been, as the Tantra of their time wrote them, open for ever.
@Suite struct StoreFormatTests {
  private static let olderFormats = 1..<WeightConfig.currentFormat

  /// A copy of a store as the Tantra of its time left it.
  private func fixture(ofFormat format: Int) throws -> RegistryFixture {
    let fixture = try RegistryFixture()
    let source = Python.packageRoot + "/Tests/Fixtures/store-format-\(format)"
    let copy = try Command.run("cp", ["-r", source, fixture.storePath])
    try #require(copy.status == 0, "\(copy.errorText)")
    return fixture
  }

  /// Compares every view with what was written down when the store was made.
  private func expectItsBytes(_ fixture: RegistryFixture, ofFormat format: Int) throws {
    let registry = try fixture.open(.reading)
    let sums = try Data(
      contentsOf: URL(fileURLWithPath: Python.packageRoot + "/Tests/Fixtures/store-format-\(format).sha256"))
    var count = 0
    for line in String(decoding: sums, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: " ").map(String.init)
      let name = try #require(
        ProfessionalName.readings(of: parts[1]).first { registry.records.contains($0.model, $0.version) }, "\(parts[1])"
      )
      let view = try registry.views.open(name.view, of: name.model, name.version)
      let bytes = try view.bytes(at: 0, count: view.byteCount, what: parts[1])
      #expect(Digest(of: bytes).hexadecimal == parts[0], "\(parts[1])")
      count += 1
    }
    #expect(count == 15)
  }

  private func expectValid(_ registry: WeightRegistry) throws {
    for model in registry.records.models {
      for version in try registry.records.versions(of: model) {
        let report = try registry.validation.validate(model, version)
        #expect(report.isValid, "\(report.text)")
      }
    }
  }

  @Test(arguments: olderFormats)
  func everyFormatReadsBackByteForByteAndValidates(format: Int) throws {
    let fixture = try fixture(ofFormat: format)
    try expectItsBytes(fixture, ofFormat: format)
    let registry = try fixture.open(.reading)
    #expect(registry.records.formatNumber == format)
    #expect(registry.records.models.map(\.text) == ["other.one", "tiny"])
    try expectValid(registry)
    let tiny = try ModelName(validating: "tiny")
    #expect(registry.records.isCheckpoint(tiny, try VersionName(validating: "step-11")))
    #expect(registry.records.policies(of: tiny).keep == 3)
    #expect(
      try registry.records.history(of: tiny).map(\.isRollback)
        == (format == 1 ? [false, false, true] : [false, false, false, true]))
    if format == 1 { #expect(try registry.records.backups(of: tiny).map(\.isPinned) == [false, true, true]) }
    let manifest = try registry.records.manifest(of: tiny, try VersionName(validating: "v1.1"))
    #expect(manifest.weights.contains { $0.isStitched } == (format >= 2))
  }

  @Test(arguments: olderFormats)
  func anUpgradedStoreReadsBackByteForByteAndCanBeChanged(format: Int) throws {
    let fixture = try fixture(ofFormat: format)
    _ = try StoreUpgrade(storePath: fixture.storePath).run()
    try expectItsBytes(fixture, ofFormat: format)
    let tiny = try ModelName(validating: "tiny")
    do {
      let registry = try fixture.open()
      let count = try registry.records.history(of: tiny).count
      try registry.retention.restore(tiny, try VersionName(validating: "step-10"))
      try registry.activation.setActive(tiny, try VersionName(validating: "v1.2"))
      #expect(try registry.records.history(of: tiny).count == count + 1)
      #expect(try registry.retention.purge(nil, nil).purged.isEmpty)
      try expectValid(registry)
      let weights = SmallWeights([("a", (0..<512).map { Float($0) / 8 }), ("new", [1])])
      let source = try fixture.scratch.write("v7.safetensors", try weights.safetensors())
      try registry.importing(
        ImportRequest(model: tiny, version: try VersionName(validating: "v7"), source: source, view: "safetensors"))
      try expectValid(registry)
    }
    try expectItsBytes(fixture, ofFormat: format)
  }

  @Test(arguments: olderFormats)
  func aStoreThatWentForthAndBackReadsBackByteForByte(format: Int) throws {
    let fixture = try fixture(ofFormat: format)
    let before = try fixture.snapshot()
    _ = try StoreUpgrade(storePath: fixture.storePath).run()
    _ = try StoreUpgrade(storePath: fixture.storePath).rollback()
    #expect(try fixture.snapshot().filter { !$0.key.contains("/.upgrade/") } == before)
    try expectItsBytes(fixture, ofFormat: format)
  }
}
