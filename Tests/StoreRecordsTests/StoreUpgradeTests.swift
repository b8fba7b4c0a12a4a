import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing

/// Records from one format to the next, and back.
@Suite struct StoreUpgradeTests {
  private let fixture: RecordsFixture
  private let tiny: ModelName

  init() throws {
    fixture = try RecordsFixture(format: 1)
    tiny = try ModelName(validating: "tiny")
  }

  private func upgrade(_ fixture: RecordsFixture) throws -> StoreUpgrade.Report {
    try StoreUpgrade(storePath: fixture.path).run()
  }

  private func rollback(_ fixture: RecordsFixture) throws -> StoreUpgrade.Report {
    try StoreUpgrade(storePath: fixture.path).rollback()
  }

  /// A store of format 2 with what the Tantra of its time kept of drafts: ordinary files, an empty folder, a shard, a file under
  /// a temporary name, and a model without a version.
  private func storeWithDrafts() throws -> RecordsFixture {
    let fixture = try RecordsFixture(format: 2)
    let source = Python.packageRoot + "/Tests/Fixtures/drafts-format-2"
    let copy = try Command.run(
      "sh",
      ["-c", "cp -r '\(source)/weights' '\(fixture.path)/' && cp -r '\(source)/staging' '\(fixture.path)/.staging'"])
    try #require(copy.status == 0, "\(copy.errorText)")
    return fixture
  }

  @Test(arguments: 1..<WeightConfig.currentFormat)
  func olderFormatsAreReadAndNotWritten(format: Int) throws {
    let fixture = try RecordsFixture(format: format)
    let before = try fixture.snapshot()
    let error = #expect(throws: StoreError.self) { try fixture.open() }
    #expect(error?.code == .olderFormat && error?.message.contains("tantra upgrade-store") == true)
    #expect(try fixture.snapshot() == before)
    let reader = try fixture.open(.reading)
    #expect(reader.formatNumber == format && reader.models.map(\.text) == ["other.one", "tiny"])
  }

  @Test(arguments: 1..<WeightConfig.currentFormat)
  func anUpgradeChangesNoRecordsMeaningAndRollbackBringsTheirBytesBack(format: Int) throws {
    let fixture = try RecordsFixture(format: format)
    func meaning() throws -> [String] {
      let records = try fixture.open(.reading)
      var lines: [String] = []
      for model in records.models {
        lines += try records.versions(of: model).map { "\(try records.manifest(of: model, $0))" }
        lines += try records.backups(of: model).map { "\($0)" } + records.history(of: model).map { "\($0)" }
        lines.append(
          "\(records.policies(of: model)) \(records.aliases(of: model)) \(records.activeLink(of: model) as Any)")
        // In what order a set is written down differs from run to run.
        lines = lines.map { String($0.sorted()) }
      }
      return lines
    }
    let before = try fixture.snapshot()
    let told = try meaning()
    let report = try upgrade(fixture)
    #expect(report.from == format && report.to == WeightConfig.currentFormat)
    #expect(report.steps.count == WeightConfig.currentFormat - format)
    #expect(try meaning() == told)
    #expect(
      try fixture.scratch.files(below: "store/history") == [
        "store/history/other.one.jsonl", "store/history/tiny.jsonl",
      ])
    let manifest = String(decoding: try fixture.scratch.read("store/models/tiny/v1.0.json"), as: UTF8.self)
    #expect(manifest.contains("\"weights\"") && !manifest.contains("\"sidecars\""))
    #expect(
      try rollback(fixture)
        == .init(from: WeightConfig.currentFormat, to: format, records: format == 1 ? 9 : 11, steps: []))
    #expect(try fixture.snapshot() == before)
    #expect(try meaning() == told)
  }

  @Test func draftsWithTheirUploadsOutliveTheUpgrade() throws {
    let fixture = try storeWithDrafts()
    let bytes = try fixture.scratch.files(below: "store/.staging").filter { $0.contains("upload.") }
      .map { try fixture.scratch.read($0) }
    _ = try upgrade(fixture)
    for _ in 0..<2 {
      let records = try fixture.open()
      #expect(records.allModels.map(\.text) == ["empty-model", "other.one", "tiny"])
      let version = try VersionName(validating: "v9")
      #expect(try records.drafts(of: tiny) == [version])
      let folder = try #require(try records.folder(of: tiny, version))
      #expect(
        folder.children(of: "").map(\.name) == [
          ".model.safetensors.tmp", "config.json", "hollow", "model-00001-of-00002.safetensors", "sub",
        ])
      #expect(folder.made == 1_795_645_354_663_231_071)
      #expect(folder.file(at: "sub/notes.txt")?.byteCount == 5)
      #expect(folder.uploads.count == 2)
      let kept = try folder.uploads.sorted().map { try fixture.scratch.read("store/.staging/\($0)") }
      #expect(kept == bytes)
    }
    #expect(try rollback(fixture).to == 2)
    let record = String(decoding: try fixture.scratch.read("store/.staging/drafts.json"), as: UTF8.self)
    #expect(record.contains("\"v9\"") && record.contains("empty-model"))
    #expect(try fixture.scratch.files(below: "store/folders").isEmpty)
    #expect(try fixture.scratch.files(below: "store/.staging").filter { $0.contains("upload.") }.count == 2)
  }

  @Test(arguments: ["a draft", "a file of a draft", "a file of a version"])
  func rollingBackIsRefusedOnceFilesHaveCome(what: String) throws {
    let fixture = try storeWithDrafts()
    _ = try upgrade(fixture)
    do {
      let records = try fixture.open()
      let name = what == "a draft" ? "v10" : what == "a file of a draft" ? "v9" : "v1.0"
      try records.transaction(tiny) { (records) throws(StoreError) in
        try records.change(try VersionName(validating: name), [.put(RecordsFixture.file("new.txt"))])
      }
    }
    let before = try fixture.snapshot()
    let error = #expect(throws: StoreError.self) { try rollback(fixture) }
    #expect(
      error?.code == .alreadyExists && error?.message.contains("folders/tiny/") == true, "\(error?.message ?? "")")
    #expect(try fixture.snapshot() == before)
    #expect(try fixture.open().folder(of: tiny, try VersionName(validating: "v9"))?.uploads.count == 2)
  }

  @Test func rollingBackKeepsSwitchesOutOfTheWay() throws {
    let history = try fixture.open(.reading).history(of: tiny)
    let before = try fixture.snapshot()
    _ = try upgrade(fixture)
    do {
      let records = try fixture.open()
      let change = try records.transaction(tiny) { (records) throws(StoreError) in
        try records.switchActive(to: try VersionName(validating: "v1.2"), by: .current, isRollback: false)
      }
      #expect(change != nil)
      #expect(try records.history(of: tiny).count == history.count + 1)
    }
    #expect(try rollback(fixture).to == 1)
    #expect(try fixture.snapshot() == before)
    #expect(try fixture.open(.reading).history(of: tiny) == history)
  }

  @Test func rollingBackIsRefusedOnceAPurgeHasTakenWhatRecordsNeed() throws {
    _ = try upgrade(fixture)
    let records = try fixture.open()
    let manifest = try records.manifest(of: tiny, try VersionName(validating: "v1.2"))
    let pack = try #require(manifest.weights.first?.blob.hexadecimal)
    let path = fixture.scratch("store/weights/sha256/\(pack.prefix(2))/\(pack.dropFirst(2))")
    try FileManager.default.removeItem(atPath: path)
    let before = try fixture.snapshot()
    let error = #expect(throws: StoreError.self) { try rollback(self.fixture) }
    #expect(error?.code == .locked)
    _ = consume records
    let refused = #expect(throws: StoreError.self) { try rollback(self.fixture) }
    #expect(refused?.message.contains("needs the blob \(pack)") == true)
    #expect(try fixture.snapshot() == before)
  }

  @Test func upgradingTheNewestFormatChangesNothing() throws {
    _ = try upgrade(fixture)
    let before = try fixture.snapshot()
    let report = try upgrade(fixture)
    #expect(report.from == WeightConfig.currentFormat && report.to == WeightConfig.currentFormat && report.records == 0)
    #expect(try fixture.snapshot() == before)
  }
}
