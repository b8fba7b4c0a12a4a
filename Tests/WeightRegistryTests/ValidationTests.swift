import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightRegistry

@Suite struct ValidationTests {
  let fixture: RegistryFixture

  init() throws { fixture = try RegistryFixture() }

  private func bytes(_ value: Float) -> [UInt8] { withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init) }

  @Test func anIntactVersionIsValid() throws {
    let registry = try fixture.open()
    try fixture.importFile(
      try SmallWeights.example().safetensors(), as: "safetensors", files: ["config.json": "{}"], into: registry)
    let report = try registry.validation.validate(fixture.model, fixture.version)
    #expect(report.isValid, "\(report.text)")
    #expect(
      report.checks.map(\.name) == ["blobs", "files", "model.safetensors", "model.pt", "model.bin", "values"])
  }

  @Test func damageIsNamedByTensorAndIntactTensorsStayReadable() throws {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(
      try SmallWeights.example().safetensors(), as: "safetensors", into: registry)
    try fixture.damage(
      fixture.path(ofBlob: manifest.weights[0].blob.hexadecimal), at: bytes(9.75))
    let damaged = try fixture.open(.reading)
    let report = try damaged.validation.validate(fixture.model, fixture.version)
    #expect(!report.isValid)
    let blobs = try #require(report.checks.first { $0.name == "blobs" })
    #expect(blobs.outcome == .failed)
    #expect(blobs.details.count == 1)
    #expect(blobs.details[0].contains("\"z.weight\""))
    #expect(!blobs.details[0].contains("a.weight"))
    #expect(try fixture.bytes(of: "pt", in: damaged).count == manifest.main?.views["pt"])
  }

  @Test func damageBetweenTensorsIsFound() throws {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(
      try SmallWeights.example().safetensors(), as: "safetensors", into: registry)
    try fixture.damage(fixture.path(ofBlob: manifest.weights[0].blob.hexadecimal), at: Array("a.weight".utf8))
    let report = try fixture.open(.reading).validation.validate(fixture.model, fixture.version)
    #expect(report.checks.first { $0.name == "blobs" }?.details.first?.contains("header or padding") == true)
  }

  @Test func aDamagedFileIsNamed() throws {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(
      try SmallWeights.example().safetensors(), as: "safetensors", files: ["config.json": "hello"], into: registry)
    try fixture.damage(
      fixture.path(ofBlob: (try #require(manifest.files[0].blob)).hexadecimal), at: Array("hello".utf8))
    let report = try fixture.open(.reading).validation.validate(fixture.model, fixture.version)
    #expect(report.checks.first { $0.name == "files" }?.details.first?.contains("config.json") == true)
  }

  @Test func aMissingBlobIsReportedNotThrown() throws {
    let registry = try fixture.open()
    let manifest = try fixture.importFile(
      try SmallWeights.example().safetensors(), as: "safetensors", into: registry)
    _ = try Command.run("rm", ["-f", fixture.scratch(fixture.path(ofBlob: manifest.weights[0].blob.hexadecimal))])
    let report = try fixture.open(.reading).validation.validate(fixture.model, fixture.version)
    #expect(!report.isValid)
    #expect(report.text.contains("missing"))
  }

  @Test func nanAndInfinitiesAreCounted() throws {
    let registry = try fixture.open()
    let weights = SmallWeights([
      ("bad", [.nan, 1, -.infinity, .signalingNaN, .greatestFiniteMagnitude]), ("good", [0, -0]),
    ])
    try fixture.importFile(try weights.torchZip(), as: "pt", into: registry)
    let report = try registry.validation.validate(fixture.model, fixture.version)
    #expect(report.isValid)
    #expect(report.checks.last?.details == ["2 NaN, 1 infinite: bad: 2 NaN, 1 infinite"])
  }

  @Test func validationStopsWhenAsked() throws {
    let registry = try fixture.open()
    try fixture.importFile(try SmallWeights.example().safetensors(), as: "safetensors", into: registry)
    let error = #expect(throws: StoreError.self) {
      try registry.validation.validate(fixture.model, fixture.version) { _, _, _ in false }
    }
    #expect(error?.code == .interrupted)
  }

  @Test func sumsAreKnownOnceValidated() throws {
    let registry = try fixture.open()
    try fixture.importFile(
      try SmallWeights.example().safetensors(), as: "safetensors", files: ["config.json": "{}"], into: registry)
    #expect(try registry.validation.knownSums(of: fixture.model, fixture.version).split(separator: "\n").count == 1)
    _ = try registry.validation.validate(fixture.model, fixture.version)
    let folder = try TemporaryFolder()
    try folder.write("config.json", Array("{}".utf8))
    for view in ["safetensors", "pt", "bin"] {
      try folder.write("model.\(view)", try fixture.bytes(of: view, in: registry))
    }
    try folder.write("SUMS", Array(try registry.validation.knownSums(of: fixture.model, fixture.version).utf8))
    let check = try Command.run("sha256sum", ["-c", "SUMS"], folder: folder.path)
    #expect(check.status == 0, "\(check.outputText)")
    #expect(check.outputText.split(separator: "\n").count == 4)
  }
}
