import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightRegistry

/// Damage stays where it is, and intact files mend it.
@Suite struct DamageTests {
  private let fixture: RegistryFixture
  private let weights = SmallWeights.example()

  init() throws { fixture = try RegistryFixture() }

  /// The last value of `z.weight`, which stands once in a file.
  private var pattern: [UInt8] { withUnsafeBytes(of: Float(9.75).bitPattern.littleEndian, Array.init) }

  /// A store with a version of which a tensor is damaged.
  private func damagedStore() throws -> WeightRegistry {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(
      try weights.safetensors(), as: "safetensors", files: ["config.json": "{}"], into: registry)
    try fixture.damage(fixture.path(ofBlob: manifest.weights[0].blob.hexadecimal), at: pattern)
    return registry
  }

  private func isValid(_ version: String, in registry: WeightRegistry) throws -> Bool {
    try registry.validation.validate(fixture.model, try VersionName(validating: version)).isValid
  }

  @Test func anIntactFileMendsTheVersionsThatNeedIt() throws {
    let registry = try damagedStore()
    #expect(try !isValid("v1.0", in: registry))
    try fixture.importFile(try weights.safetensors(), as: "safetensors", version: "v2", into: registry)
    #expect(try isValid("v2", in: registry))
    #expect(try isValid("v1.0", in: registry))
    #expect(try fixture.bytes(of: "safetensors", in: registry) == weights.safetensors())
    #expect(try isValid("v1.0", in: try fixture.open(.reading)))
  }

  @Test func aViewThatWasOpenedBeforeReadsMendedBytesWhenOpenedAnew() throws {
    let registry = try damagedStore()
    let torch = try weights.torchZip().count
    let before = try fixture.bytes(of: "pt", in: registry)
    #expect(before.count == torch)
    try fixture.importFile(try weights.safetensors(), as: "safetensors", into: registry)
    let after = try fixture.bytes(of: "pt", in: registry)
    #expect(after != before)
    let value = try #require(after.indices.first { after[$0...].starts(with: pattern) })
    #expect(!before[value...].starts(with: pattern))
  }

  @Test func damagedFilesAndTablesAreMendedToo() throws {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(
      try weights.safetensors(), as: "safetensors", files: ["config.json": "hello"], into: registry)
    try fixture.damage(
      fixture.path(ofBlob: try #require(manifest.files[0].blob).hexadecimal), at: Array("hello".utf8))
    try fixture.damage(
      fixture.path(ofBlob: try #require(manifest.main?.table).hexadecimal), at: Array("byteCount".utf8))
    #expect(try !isValid("v1.0", in: registry))
    try fixture.importFile(
      try weights.safetensors(), as: "safetensors", version: "v2", files: ["config.json": "hello"], into: registry)
    #expect(try isValid("v1.0", in: registry))
    #expect(try isValid("v2", in: registry))
  }

  @Test(arguments: [ExportRequest.Arrangement.files, .folder], ["safetensors", "pt"])
  func anExportOfDamageFailsNamingTheTensorAndLeavesNothing(
    arrangement: ExportRequest.Arrangement, view: String
  ) throws {
    let registry = try damagedStore()
    let target = fixture.scratch("out")
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    let request = ExportRequest(
      model: fixture.model, version: fixture.version, views: [view], target: target, arrangement: arrangement)
    let error = #expect(throws: StoreError.self) { _ = try registry.exporting(request) }
    #expect(error?.code == .damaged && error?.message.contains("\"z.weight\"") == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("a.weight") == false)
    #expect(try FileManager.default.contentsOfDirectory(atPath: target).isEmpty)
    try fixture.importFile(try weights.safetensors(), as: "safetensors", into: registry)
    let written = try registry.exporting(request)
    #expect(try Data(contentsOf: URL(fileURLWithPath: written[0].path)) == Data(fixture.bytes(of: view, in: registry)))
  }

  @Test func anExportOfADamagedOrdinaryFileNamesIt() throws {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(
      try weights.safetensors(), as: "safetensors", files: ["config.json": "hello"], into: registry)
    try fixture.damage(
      fixture.path(ofBlob: try #require(manifest.files[0].blob).hexadecimal), at: Array("hello".utf8))
    let target = fixture.scratch("out")
    let error = #expect(throws: StoreError.self) {
      _ = try registry.exporting(
        ExportRequest(
          model: fixture.model, version: fixture.version, views: ["pt"], target: target, arrangement: .folder))
    }
    #expect(error?.message.contains("config.json") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: target).isEmpty)
  }

  @Test func aDamagedVersionIsNotCopiedToAnotherStore() throws {
    let registry = try damagedStore()
    let path = fixture.scratch("other")
    let error = #expect(throws: StoreError.self) {
      try registry.copy(fixture.model, fixture.version, toStoreAt: path)
    }
    #expect(error?.code == .damaged)
    #expect(try fixture.open(.reading, path: path).records.models.isEmpty)
  }

  @Test func aRefusedImportChangesNoFileOfTheVersion() throws {
    let registry = try fixture.open()
    try fixture.importFile(
      try weights.safetensors(), as: "safetensors", files: ["config.json": "{\"a\": 1}"], into: registry)
    let before = try fixture.snapshot().filter { !$0.key.contains("/weights/") }
    let error = #expect(throws: StoreError.self) {
      try fixture.importFile(
        try SmallWeights.example(bias: 3).safetensors(), as: "safetensors",
        files: ["config.json": "{\"a\": 2}", "new.txt": "x"], into: registry)
    }
    #expect(error?.code == .differentWeights)
    #expect(try fixture.snapshot().filter { !$0.key.contains("/weights/") } == before)
    #expect(try registry.records.manifest(of: fixture.model, fixture.version).files.map(\.path) == ["config.json"])
    // What it stored goes with the next purge.
    let live = try registry.records.manifest(of: fixture.model, fixture.version).blobs.count
    _ = try registry.retention.purge(nil, nil)
    #expect(try fixture.scratch.files(below: "store/weights").count == live)
  }
}
