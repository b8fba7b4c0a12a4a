import BlobStore
import Foundation
import StoreRecords
import Synchronization
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// Versions that are compressed as differences from others.
@Suite struct DifferenceTests {
  private let fixture: RegistryFixture

  init() throws { fixture = try RegistryFixture() }

  /// Weights of three tensors, of 600 KB. Each step moves every one of them a little; those of another start have nothing in common.
  private static func weights(step: Int, start: UInt64 = 1) -> SmallWeights {
    var (numbers, moves) = (SeededNumbers(state: start), SeededNumbers(state: UInt64(1000 + step)))
    func values(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        let value = (Float(numbers.next() >> 40) / 8_388_608 - 1) * 0.05
        return step == 0 ? value : Float(bitPattern: value.bitPattern ^ UInt32(moves.next() & 0x3F))
      }
    }
    return SmallWeights([
      ("embedding.weight", values(40_000)), ("body.weight", values(100_000)), ("head.weight", values(10_000)),
    ])
  }

  private func publish(
    _ version: String, step: Int, start: UInt64 = 1, as view: String = "safetensors", in registry: WeightRegistry
  ) throws -> Manifest {
    let weights = Self.weights(step: step, start: start)
    return try fixture.importFile(
      try view == "pt" ? weights.torchZip() : weights.safetensors(), as: view, version: version, into: registry)
  }

  private func name(_ text: String) throws -> VersionName { try VersionName(validating: text) }

  private func against(_ manifest: Manifest, in registry: WeightRegistry) throws -> [String]? {
    let standing = try registry.compression.standing(of: manifest)
    return standing.files > 0 ? standing.against : nil
  }

  private func isValid(_ version: String, in registry: WeightRegistry) throws -> Bool {
    try registry.validation.validate(fixture.model, name(version)).isValid
  }

  /// Of another format the same tensors lie elsewhere.
  @Test(arguments: ["safetensors", "pt"]) func whatWasTrainedOnIsADifference(view: String) throws {
    let registry = try fixture.open()
    _ = try publish("v1.0", step: 0, in: registry)
    let tuned = try publish("v1.1", step: 1, as: view, in: registry)
    let before = try ["safetensors", "pt"].map { try fixture.bytes(of: $0, version: "v1.1", in: registry) }
    let estimate = try registry.compression.compress(fixture.model, name("v1.1"), isDryRun: true)
    #expect(estimate.differences == 1 && estimate.against == ["mamba/v1.0"])
    let report = try registry.compression.compress(fixture.model, name("v1.1"))
    #expect(report.files == 1 && report.differences == 1 && report.against == ["mamba/v1.0"], "\(report)")
    #expect(report.bytesAfter < report.bytesBefore / 2 && report.text.contains("as differences from mamba/v1.0"))
    #expect(try against(tuned, in: registry) == ["mamba/v1.0"])
    #expect(try ["safetensors", "pt"].map { try fixture.bytes(of: $0, version: "v1.1", in: registry) } == before)
    #expect(try isValid("v1.1", in: registry))
    let statistics = try registry.statistics()
    #expect(statistics.versions.map(\.compressed.against) == [[], ["mamba/v1.0"]])
    #expect(try StoreUsage(registry.records).current().differenceBytes == report.bytesAfter)
    // What it is a difference from may be compressed, too, and taken back.
    #expect(try registry.compression.compress(fixture.model, name("v1.0")).differences == 0)
    #expect(try isValid("v1.0", in: registry) && isValid("v1.1", in: registry))
    #expect(try registry.compression.thaw(fixture.model, name("v1.0")).files == 1)
    #expect(try isValid("v1.0", in: registry) && isValid("v1.1", in: registry))
    #expect(try registry.compression.thaw(fixture.model, name("v1.1")).files == 1)
    #expect(try against(tuned, in: registry) == nil)
    #expect(try isValid("v1.1", in: registry))
  }

  @Test func peopleSayFromWhat() throws {
    let registry = try fixture.open()
    let versions = try (0..<4).map { try publish("v1.\($0)", step: $0, in: registry) }
    func compress(_ base: String) throws -> CompressionReport {
      try registry.compression.compress(fixture.model, name("v1.3"), from: CompressionBase(base))
    }
    #expect(try compress("v1.2").against == ["mamba/v1.2"])
    #expect(try compress("v1.2").already == 1)
    #expect(try compress("none").files == 1)
    #expect(try against(versions[3], in: registry) == [])
    #expect(try compress("mamba/active").against == ["mamba/v1.0"])
    #expect(try against(versions[3], in: registry) == ["mamba/v1.0"])
    // Without a word what is compressed stays so.
    #expect(try registry.compression.compress(fixture.model, name("v1.3")).already == 1)
    let unknown = #expect(throws: StoreError.self) { try compress("v9") }
    #expect(unknown?.code == .unknownVersion)
    let which = #expect(throws: StoreError.self) {
      try registry.compression.compress(nil, nil, from: CompressionBase("v1.0"))
    }
    #expect(which?.message.contains("--base") == true)
    #expect(throws: StoreError.self) { try CompressionBase("a/b/c") }
    #expect(try isValid("v1.3", in: registry))
  }

  /// The active one stays plain, and all others become differences from it; whichever comes to be active is taken back.
  @Test func theVersionsOfOneTrainingAreAStar() throws {
    let registry = try fixture.open()
    let versions = try (0..<5).map { try publish("v1.\($0)", step: $0, in: registry) }
    let other = try publish("v2.0", step: 0, start: 77, in: registry)
    try registry.policies.set(.compress, of: fixture.model, to: "inactive")
    let report = try registry.compression.compressCold { _, _, _ in true }
    #expect(report.files == 5 && report.differences == 4 && report.against == ["mamba/v1.0"], "\(report)")
    #expect(try versions.map { try against($0, in: registry) } == [nil] + Array(repeating: ["mamba/v1.0"], count: 4))
    #expect(try against(other, in: registry) == [])
    try registry.activation.setActive(fixture.model, name("v1.3"))
    #expect(try registry.compression.thawActive().files == 1)
    #expect(try against(versions[3], in: registry) == nil)
    // What others are differences from stands for itself.
    #expect(try registry.compression.compressCold { _, _, _ in true }.differences == 0)
    #expect(try against(versions[0], in: registry) == [])
    for version in 0..<5 { #expect(try isValid("v1.\(version)", in: registry)) }
    // As the next process finds it.
    let reader = try fixture.open(.reading)
    for version in 0..<5 { #expect(try isValid("v1.\(version)", in: reader)) }
  }

  /// Later ones are differences from the first that is no difference itself.
  @Test func whatIsTooFarFromTheOldestStandsForItself() throws {
    let registry = try fixture.open()
    var versions: [Manifest] = []
    for step in 0..<3 { versions.append(try publish("step-\(step)", step: step, in: registry)) }
    for step in 3..<6 { versions.append(try publish("step-\(step)", step: step, start: 2, in: registry)) }
    try registry.policies.set(.compress, of: fixture.model, to: "inactive")
    let report = try registry.compression.compressCold { _, _, _ in true }
    #expect(report.files == 5 && report.differences == 4, "\(report)")
    #expect(
      try versions.map { try against($0, in: registry) }
        == [nil, ["mamba/step-0"], ["mamba/step-0"], [], ["mamba/step-3"], ["mamba/step-3"]])
    for step in 0..<6 { #expect(try isValid("step-\(step)", in: registry)) }
  }

  // MARK: Purges

  @Test func aPurgeCompressesAnewWhatLosesItsBase() throws {
    let registry = try fixture.open()
    let versions = try (0..<4).map { try publish("v1.\($0)", step: $0, in: registry) }
    try registry.policies.set(.compress, of: fixture.model, to: "inactive")
    #expect(try registry.compression.compressCold { _, _, _ in true }.differences == 3)
    let base = try #require(versions[0].weights.first).blob
    try registry.activation.setActive(fixture.model, name("v1.3"))
    try registry.retention.retire(fixture.model, name("v1.0"))
    let report = try registry.retention.purge(nil, nil)
    #expect(report.purged == ["mamba/v1.0"] && report.removedBlobs == 2, "\(report)")
    #expect(try !registry.blobs.contains(base))
    for version in 1..<4 { #expect(try isValid("v1.\(version)", in: registry)) }
    // The first stands for itself, the others are differences from what is there.
    #expect(try registry.blobs.differences.values.allSatisfy { !$0.contains(base) })
    #expect(try registry.blobs.differences.count == 2)
    #expect(try fixture.scratch.files(below: "store/.staging").allSatisfy { !$0.contains("ingest") })
    let reader = try fixture.open(.reading)
    for version in 1..<4 { #expect(try isValid("v1.\(version)", in: reader)) }
  }

  @Test func aRemovedVersionKeepsItsBase() throws {
    let registry = try fixture.open()
    _ = try publish("v1.0", step: 0, in: registry)
    _ = try publish("v1.1", step: 1, in: registry)
    try registry.policies.set(.compress, of: fixture.model, to: "removed")
    try registry.retention.retire(fixture.model, name("v1.1"))
    #expect(try registry.compression.compress(fixture.model, nil).against == ["mamba/v1.0"])
    _ = try publish("v1.2", step: 2, in: registry)
    try registry.activation.setActive(fixture.model, name("v1.2"))
    try registry.retention.retire(fixture.model, name("v1.0"))
    // Both are gone from the tree, and one is purged: the other can be restored.
    _ = try registry.retention.purge(fixture.model, name("v1.0"))
    try registry.retention.restore(fixture.model, name("v1.1"))
    #expect(try isValid("v1.1", in: registry))
  }

  /// Whoever compresses while others purge, switch and read.
  @Test func nothingIsLostBesideSwitchesAndPurges() throws {
    let registry = try fixture.open()
    for step in 0..<4 { _ = try publish("v1.\(step)", step: step, in: registry) }
    let model = fixture.model
    try registry.policies.set(.compress, of: model, to: "inactive")
    let failures = Mutex<[String]>([])
    Threads.run(4) { index in
      for turn in 0..<8 {
        do {
          switch index {
          case 0: _ = try registry.compression.compressCold { _, _, _ in true }
          case 1: _ = try registry.retention.purge(nil, nil)
          case 2:
            try registry.activation.setActive(model, VersionName(validating: "v1.\(turn % 4)"))
            _ = try registry.compression.thawActive()
          default:
            let version = try VersionName(validating: "v1.\(turn % 4)")
            let view = try registry.views.open("pt", of: model, version)
            _ = try view.bytes(at: 0, count: view.byteCount, what: "pt")
          }
        } catch {
          failures.withLock { $0.append("\(index): \(error)") }
        }
      }
    }
    #expect(failures.withLock { $0 } == [])
    for step in 0..<4 { #expect(try isValid("v1.\(step)", in: registry)) }
    let reader = try fixture.open(.reading)
    for step in 0..<4 { #expect(try isValid("v1.\(step)", in: reader)) }
  }
}
