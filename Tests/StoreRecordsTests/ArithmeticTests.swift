import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing

/// Numbers from a disk are anything: they are refused or shown, and nothing ends the process.
@Suite struct ArithmeticTests {
  private let fixture: RecordsFixture
  private static let path = "store/models/mamba/v1.0.json"

  init() throws {
    fixture = try RecordsFixture()
    try fixture.publish(fixture.version, files: [RecordsFixture.file("config.json")], in: try fixture.open())
  }

  /// Replaces every number that follows a key.
  private func set(_ key: String, to number: Int64, in path: String = path) throws {
    let text = String(decoding: try fixture.scratch.read(path), as: UTF8.self)
    let changed = text.replacing(try Regex("\"\(key)\"( ?: ?)-?[0-9]+"), with: "\"\(key)\" : \(number)")
    try #require(changed != text || text.contains("\"\(key)\" : \(number)"))
    try fixture.scratch.write(path, Array(changed.utf8))
  }

  /// Everything that adds up or shows what records say.
  private func use(_ records: RecordStore) {
    func attempt(_ body: () throws(StoreError) -> Void) { do throws(StoreError) { try body() } catch {} }
    for model in records.allModels {
      attempt { () throws(StoreError) in _ = try records.figures(of: model) }
      attempt { () throws(StoreError) in _ = try records.history(of: model) }
      attempt { () throws(StoreError) in _ = try records.backups(of: model) }
      attempt { () throws(StoreError) in
        for version in try records.versions(of: model) {
          let folder = try records.published(model, version)
          _ = (folder.shownFiles, folder.figures, folder.completeManifest?.figures, folder.children(of: ""))
          _ = Timestamp.text(folder.manifest?.published ?? 0)
          _ = Timestamp.text(folder.manifest?.modified(ofView: "safetensors") ?? 0)
        }
      }
    }
    attempt { () throws(StoreError) in try records.index.update() }
  }

  @Test(arguments: [
    "byteCount", "modified", "parameterCount", "tensorCount", "time", "revision", "safetensors", "pt",
  ])
  func noNumberInAManifestEndsTheProcess(key: String) throws {
    let whole = try fixture.scratch.read(Self.path)
    for number in [Int64.max, .max - 1, .min, -1, 1 << 62] {
      try fixture.scratch.write(Self.path, whole)
      try set(key, to: number)
      use(try fixture.open(.reading))
      let records = try fixture.open()
      use(records)
      // What is written on top of it is refused or is there.
      do throws(StoreError) {
        try records.transaction(fixture.model, backupsOf: fixture.version) { (records, backups) throws(StoreError) in
          try records.change(fixture.version, [.put(RecordsFixture.file("new.txt"))])
          try records.publish(try records.published(fixture.version), in: .models, switching: .never)
          try records.backUp(try records.manifest(fixture.version), beside: backups, isPinned: false, by: .current)
        }
        #expect(try records.published(fixture.model, fixture.version).file(at: "new.txt") != nil)
      } catch {
        #expect(error.code == .damaged, "\(key) \(number): \(error)")
      }
      for name in try fixture.scratch.files(below: "store/folders") + fixture.scratch.files(below: "store/backups") {
        try FileManager.default.removeItem(atPath: fixture.scratch(name))
      }
    }
  }

  @Test func sizesThatNoDiskHoldsAreRefusedTogetherToo() throws {
    for (key, number) in [("byteCount", Int64.max / 2), ("pt", .max / 2), ("byteCount", -1), ("safetensors", .min)] {
      let whole = try fixture.scratch.read(Self.path)
      try set(key, to: number)
      if number > 0 { try set("bin", to: .max / 2) }
      let error = #expect(throws: StoreError.self) {
        try fixture.open(.reading).manifest(of: fixture.model, fixture.version)
      }
      #expect(error?.code == .damaged, "\(key) \(number)")
      try fixture.scratch.write(Self.path, whole)
    }
  }

  @Test(arguments: [Int64.max, .max - 1, .min, 0])
  func aSwitchAfterOneAtTheEndOfTimeIsRemembered(time: Int64) throws {
    let second = try VersionName(validating: "v2")
    try fixture.publish(second, seed: 2, in: try fixture.open())
    try set("lastSwitch", to: time, in: "store/weight_config.json")
    let records = try fixture.open()
    for version in [second, fixture.version, second] {
      let change = try records.transaction(fixture.model) { (records) throws(StoreError) in
        try records.switchActive(to: version, by: .current, isRollback: false)
      }
      #expect(change?.to == version)
      #expect(try fixture.open(.reading).activeVersion(of: fixture.model) == version)
      #expect(try records.history(of: fixture.model).last?.to == version)
    }
  }

  @Test func theLastNumberOfABackupIsNotFollowedByAnother() throws {
    let records = try fixture.open()
    func keep(isPinned: Bool) throws(StoreError) -> Int {
      try records.transaction(fixture.model, backupsOf: fixture.version) { (records, backups) throws(StoreError) in
        try records.backUp(try records.manifest(fixture.version), beside: backups, isPinned: isPinned, by: .current)
          .number
      }
    }
    #expect(try keep(isPinned: true) == 1)
    try FileManager.default.moveItem(
      atPath: fixture.scratch("store/backups/mamba/v1.0@1.json"),
      toPath: fixture.scratch("store/backups/mamba/v1.0@\(Int.max).json"))
    let error = #expect(throws: StoreError.self) { try keep(isPinned: true) }
    #expect(error?.code == .damaged)
    #expect(try records.backups(of: fixture.model).map(\.number) == [.max])
  }

  @Test(arguments: [Int64.max, .min, 0, -1])
  func agesAndTextsOfAllTimesAreTold(time: Int64) {
    #expect(Timestamp.age(of: time, at: time) == 0)
    #expect(Timestamp.age(of: .min, at: .max) == .max && Timestamp.age(of: .max, at: .min) == .min)
    #expect(Timestamp.text(time).utf8.count == 20)
  }

  /// Of journals that nothing wrote.
  @Test func revisionsAtTheEndOfNumbersAreNoJournals() throws {
    try FileManager.default.createDirectory(
      atPath: fixture.scratch("store/folders/mamba"), withIntermediateDirectories: true)
    for revision in ["9223372036854775807", "9223372036854775806", "9223372036854775808", "-1"] {
      try fixture.scratch.write("store/folders/mamba/v1.0.\(revision).jsonl", Array("{\"made\":1}\n".utf8))
    }
    let records = try fixture.open()
    try records.transaction(fixture.model) { (records) throws(StoreError) in
      try records.change(fixture.version, [.put(RecordsFixture.file("new.txt"))])
      try records.publish(try records.published(fixture.version), in: .models, switching: .never)
    }
    #expect(try fixture.open(.reading).published(fixture.model, fixture.version).file(at: "new.txt") != nil)
  }

  @Test func filesOfTheFarFutureAreRead() throws {
    for path in ["store/weight_config.json", "store/models/mamba", Self.path] {
      let touch = try Command.run("touch", ["-d", "2300-01-01", fixture.scratch(path)])
      try #require(touch.status == 0)
    }
    let reader = try fixture.open(.reading)
    try reader.refresh(now: true)
    use(reader)
    #expect(try reader.manifest(of: fixture.model, fixture.version).main?.tensorCount == 3)
    use(try fixture.open())
  }
}
