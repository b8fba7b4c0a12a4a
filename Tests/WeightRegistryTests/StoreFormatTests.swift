import Foundation
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

/// Stores of every format that there has been, as the Tantra of their time wrote them, open for ever.
@Suite struct StoreFormatTests {
  private let fixture: RegistryFixture

  init() throws { fixture = try Self.fixture(ofFormat: 1) }

  /// A copy of a store as the Tantra of its time left it.
  private static func fixture(ofFormat format: Int) throws -> RegistryFixture {
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
        ProfessionalName.readings(of: parts[1]).first { registry.contains($0.model, $0.version) }, "\(parts[1])")
      let view = try registry.view(name.view, of: name.model, name.version)
      let bytes = try view.bytes(at: 0, count: view.byteCount, what: parts[1])
      #expect(Digest(of: bytes).hexadecimal == parts[0], "\(parts[1])")
      count += 1
    }
    #expect(count == 15)
  }

  @Test(arguments: 1...WeightConfig.currentFormat)
  func everyFormatReadsBackByteForByte(format: Int) throws {
    let fixture = try Self.fixture(ofFormat: format)
    #expect(try fixture.open(.reading).formatNumber == format)
    try expectItsBytes(fixture, ofFormat: format)
  }

  @Test func format2ValidatesAndCanBeChanged() throws {
    let fixture = try Self.fixture(ofFormat: 2)
    let registry = try fixture.open()
    let tiny = try ModelName(validating: "tiny")
    for model in registry.models {
      for version in try registry.versions(of: model) {
        let report = try registry.validate(model, version)
        #expect(report.isValid, "\(report.text)")
      }
    }
    let version = try VersionName(validating: "v1.1")
    #expect(try registry.manifest(of: tiny, version).originals.contains { $0.isStitched })
    #expect(registry.policies(of: tiny).keep == 3)
    #expect(try registry.history(of: tiny).map(\.isRollback) == [false, false, false, true])
    try registry.restore(tiny, try VersionName(validating: "step-10"))
    try registry.setActive(tiny, try VersionName(validating: "v1.2"))
    #expect(try registry.history(of: tiny).count == 5)
    #expect(try registry.purge(nil, nil).purged.isEmpty)
    #expect(try registry.validate(tiny, try VersionName(validating: "step-10")).isValid)
  }

  @Test func format1ValidatesAndCanBeChanged() throws {
    let registry = try fixture.open()
    let tiny = try ModelName(validating: "tiny")
    #expect(registry.models.map(\.text) == ["other.one", "tiny"])
    for model in registry.models {
      for version in try registry.versions(of: model) {
        let report = try registry.validate(model, version)
        #expect(report.isValid, "\(report.text)")
      }
    }
    #expect(registry.isCheckpoint(tiny, try VersionName(validating: "step-11")))
    #expect(registry.policies(of: tiny).keep == 3)
    #expect(try registry.history(of: tiny).map(\.isRollback) == [false, false, true])
    #expect(try registry.backups(of: tiny).map(\.isPinned) == [false, true, true])
    try registry.restore(tiny, try VersionName(validating: "step-10"))
    try registry.setActive(tiny, try VersionName(validating: "v1.2"))
    #expect(try registry.purge(nil, nil).purged.isEmpty)
    #expect(try registry.validate(tiny, try VersionName(validating: "step-10")).isValid)
  }

  /// What a store of format 1 is given stays readable for the software of its time: nothing is stitched, and histories stay
  /// where they were.
  @Test func format1StaysFormat1UntilItIsUpgraded() throws {
    let registry = try fixture.open()
    let tiny = try ModelName(validating: "tiny")
    let copies = [("v7", "a"), ("v8", "b")].map {
      ($0, SmallWeights([(String($1), Self.values), ("new", [Float($0.count)])]))
    }
    for (version, weights) in copies {
      let source = try fixture.scratch.write("\(version).safetensors", try weights.safetensors())
      let manifest = try registry.importFile(
        ImportRequest(
          model: tiny, version: try VersionName(validating: version), source: source, view: "safetensors",
          activating: true))
      #expect(!manifest.originals[0].isStitched)
      #expect(manifest.originals[0].packs == [manifest.originals[0].blob])
    }
    #expect(try registry.history(of: tiny).map(\.to.text).suffix(2) == ["v7", "v8"])
    let config = String(decoding: try fixture.scratch.read("store/weight_config.json"), as: UTF8.self)
    #expect(config.contains("\"format\" : 1") && config.contains("\"history\""))
    #expect(try fixture.scratch.files(below: "store/history").isEmpty)
  }

  private static let values = (0..<512).map { Float($0) / 8 }

  @Test func anUpgradeToFormat2KeepsHistoriesAndRollbackBringsThemBack() throws {
    let before = try records()
    let tiny = try ModelName(validating: "tiny")
    let history = try fixture.open(.reading).history(of: tiny)
    let report = try StoreUpgrade(storePath: fixture.storePath).run()
    #expect(report.from == 1 && report.to == 2 && report.steps.count == 1)
    #expect(try fixture.open(.reading).history(of: tiny) == history)
    #expect(
      try fixture.scratch.files(below: "store/history") == [
        "store/history/other.one.jsonl", "store/history/tiny.jsonl",
      ])
    try expectItsBytes(fixture, ofFormat: 1)
    do {
      let registry = try fixture.open()
      try registry.setActive(tiny, try VersionName(validating: "v1.2"))
      #expect(try registry.history(of: tiny).count == history.count + 1)
    }
    let back = try StoreUpgrade(storePath: fixture.storePath).rollback()
    #expect(back.from == 2 && back.to == 1)
    #expect(try records() == before)
    #expect(try fixture.open(.reading).history(of: tiny) == history)
  }

  @Test func rollingBackIsRefusedOnceAPurgeHasTakenWhatRecordsNeed() throws {
    _ = try StoreUpgrade(storePath: fixture.storePath).run()
    let registry = try fixture.open()
    let manifest = try registry.manifest(of: try ModelName(validating: "tiny"), try VersionName(validating: "v1.2"))
    let pack = try #require(manifest.originals.first?.blob.hexadecimal)
    let path = fixture.scratch("store/weights/sha256/\(pack.prefix(2))/\(pack.dropFirst(2))")
    try FileManager.default.removeItem(atPath: path)
    let before = try records()
    let error = #expect(throws: RegistryError.self) { try StoreUpgrade(storePath: self.fixture.storePath).rollback() }
    #expect(error?.code == .locked)
    _ = consume registry
    let refused = #expect(throws: RegistryError.self) { try StoreUpgrade(storePath: self.fixture.storePath).rollback() }
    #expect(refused?.message.contains("needs the blob \(pack)") == true)
    #expect(try records() == before)
  }

  @Test func upgradingTheNewestFormatChangesNothing() throws {
    _ = try StoreUpgrade(storePath: fixture.storePath).run()
    let before = try fixture.snapshot()
    let report = try StoreUpgrade(storePath: fixture.storePath).run()
    #expect(report.from == WeightConfig.currentFormat && report.to == WeightConfig.currentFormat && report.records == 0)
    #expect(try fixture.snapshot() == before)
  }

  // MARK: The machinery, with steps that lead to formats that do not exist

  private static let marker = Array("\n".utf8)
  private static let steps = [
    StoreUpgradeStep("a line more") { path, bytes in [path: bytes + marker] },
    StoreUpgradeStep("another") { path, bytes in [path: bytes + marker] },
  ]

  /// The store's files without what an upgrade has kept.
  private func records() throws -> [String: [UInt8]] {
    try fixture.snapshot().filter { !$0.key.contains("/.upgrade/") }
  }

  @Test func anUpgradeRewritesEveryRecordAndRollbackBringsThemBack() throws {
    let before = try records()
    let report = try StoreUpgrade(storePath: fixture.storePath, steps: Self.steps).run()
    #expect(report == .init(from: 1, to: 3, records: 9, steps: ["a line more", "another"]))
    for (path, bytes) in try records() {
      let isRecord = path.hasSuffix(".json")
      let expected = path.hasSuffix("weight_config.json") ? nil : before[path].map { $0 + (isRecord ? [10, 10] : []) }
      if let expected { #expect(bytes == expected, "\(path)") }
    }
    let refused = #expect(throws: RegistryError.self) { try fixture.open(.reading) }
    #expect(refused?.code == .newerFormat && refused?.message.contains("format 3") == true)
    let back = try StoreUpgrade(storePath: fixture.storePath, steps: Self.steps).rollback()
    #expect(back == .init(from: 3, to: 1, records: 9, steps: []))
    #expect(try records() == before)
    try expectItsBytes(fixture, ofFormat: 1)
    let again = #expect(throws: RegistryError.self) {
      try StoreUpgrade(storePath: fixture.storePath, steps: Self.steps).rollback()
    }
    #expect(again?.message.contains("has not been upgraded") == true)
  }

  @Test func aStepThatFailsLeavesTheStoreAsItWas() throws {
    let before = try records()
    let step = StoreUpgradeStep("fails") { path, bytes throws(RegistryError) in
      if path.contains("v1.2") { throw RegistryError(.damaged, "\(path) cannot be upgraded") }
      return [:]
    }
    let error = #expect(throws: RegistryError.self) {
      try StoreUpgrade(storePath: fixture.storePath, steps: [step]).run()
    }
    #expect(error?.message.contains("models/tiny/v1.2.json") == true)
    #expect(try records() == before)
    try expectItsBytes(fixture, ofFormat: 1)
  }

  /// Leaves the store as a crash in the midst of an upgrade does: marked, some records new.
  private func interrupt() throws -> [String: [UInt8]] {
    let before = try records()
    _ = try StoreUpgrade(storePath: fixture.storePath, steps: Self.steps).run()
    try fixture.scratch.write("store/weight_config.json", Array(#"{"format": 3, "upgradingFrom": 1}"#.utf8))
    let path = "store/models/tiny/v1.1.json"
    try fixture.scratch.write(path, try #require(before[path]))
    let error = #expect(throws: RegistryError.self) { try fixture.open(.reading) }
    #expect(error?.code == .newerFormat || error?.message.contains("was interrupted") == true)
    return before
  }

  @Test func anInterruptedUpgradeIsFinishedByTheNext() throws {
    let before = try interrupt()
    _ = try StoreUpgrade(storePath: fixture.storePath, steps: Self.steps).run()
    let path = "store/models/tiny/v1.1.json"
    #expect(try fixture.scratch.read(path) == (try #require(before[path])) + [10, 10])
    _ = try StoreUpgrade(storePath: fixture.storePath, steps: Self.steps).rollback()
    #expect(try records() == before)
  }

  @Test func anInterruptedUpgradeCanBeTakenBack() throws {
    let before = try interrupt()
    _ = try StoreUpgrade(storePath: fixture.storePath, steps: Self.steps).rollback()
    #expect(try records() == before)
  }

  @Test func rollingBackIsRefusedOnceVersionsHaveComeOrGone() throws {
    _ = try StoreUpgrade(storePath: fixture.storePath, steps: Self.steps).run()
    try FileManager.default.removeItem(atPath: fixture.scratch("store/models/tiny/v1.2.json"))
    let before = try records()
    let error = #expect(throws: RegistryError.self) {
      try StoreUpgrade(storePath: fixture.storePath, steps: Self.steps).rollback()
    }
    #expect(error?.message.contains("models/tiny/v1.2.json has gone") == true)
    #expect(try records() == before)
  }

  @Test func anOlderFormatAsksForTheUpgrade() throws {
    try fixture.scratch.write("store/weight_config.json", Array(#"{"format": 0, "models": {}}"#.utf8))
    let error = #expect(throws: RegistryError.self) { try fixture.open(.reading) }
    #expect(error?.code == .olderFormat && error?.message.contains("tantra upgrade-store") == true)
  }
}
