import Foundation
import StoreRecords
import TestSupport
import Testing

/// What carries out upgrades, with steps that lead to formats that do not exist.
@Suite struct UpgradeMachineryTests {
  private static let marker = Array("\n".utf8)
  private static let steps = (1...WeightConfig.currentFormat).map { number in
    StoreUpgradeStep("line \(number)") { path, bytes in [path: bytes + marker] }
  }
  private static let newest = steps.count + 1
  private let fixture: RecordsFixture

  init() throws { fixture = try RecordsFixture(format: 1) }

  private func machinery(_ steps: [StoreUpgradeStep] = steps) throws -> StoreUpgrade {
    try StoreUpgrade(storePath: fixture.path, steps: steps)
  }

  @Test func anUpgradeRewritesEveryRecordAndRollbackBringsThemBack() throws {
    let before = try fixture.snapshot()
    let report = try machinery().run()
    #expect(report == .init(from: 1, to: Self.newest, records: 9, steps: Self.steps.map(\.summary)))
    let lines = [UInt8](repeating: 10, count: Self.steps.count)
    for (path, bytes) in try fixture.snapshot() where !path.hasSuffix("weight_config.json") {
      let expected = before[path].map { $0 + (path.hasSuffix(".json") ? lines : []) }
      if let expected { #expect(bytes == expected, "\(path)") }
    }
    let refused = #expect(throws: StoreError.self) { try fixture.open(.reading) }
    #expect(refused?.code == .newerFormat && refused?.message.contains("format \(Self.newest)") == true)
    let back = try machinery().rollback()
    #expect(back == .init(from: Self.newest, to: 1, records: 9, steps: []))
    #expect(try fixture.snapshot() == before)
    let again = #expect(throws: StoreError.self) { try machinery().rollback() }
    #expect(again?.message.contains("has not been upgraded") == true)
  }

  @Test func aStepThatFailsLeavesTheStoreAsItWas() throws {
    let before = try fixture.snapshot()
    let step = StoreUpgradeStep("fails") { path, bytes throws(StoreError) in
      if path.contains("v1.2") { throw StoreError(.damaged, "\(path) cannot be upgraded") }
      return [:]
    }
    let error = #expect(throws: StoreError.self) { try machinery([step]).run() }
    #expect(error?.message.contains("models/tiny/v1.2.json") == true)
    #expect(try fixture.snapshot() == before)
  }

  @Test func aStepMakesFoldersToo() throws {
    let step = StoreUpgradeStep("a folder") { path, bytes in
      path == "weight_config.json" ? [path: bytes, "folders/empty/": []] : [path: bytes]
    }
    _ = try machinery([step]).run()
    var isFolder: ObjCBool = false
    #expect(FileManager.default.fileExists(atPath: fixture.scratch("store/folders/empty"), isDirectory: &isFolder))
    #expect(isFolder.boolValue)
    _ = try machinery([step]).rollback()
    #expect(try fixture.open(.reading).formatNumber == 1)
  }

  /// Leaves the store as a crash in the midst of an upgrade does: marked, some records new.
  private func interrupt() throws -> [String: [UInt8]] {
    let before = try fixture.snapshot()
    _ = try machinery().run()
    try fixture.scratch.write(
      "store/weight_config.json", Array(#"{"format": \#(Self.newest), "upgradingFrom": 1}"#.utf8))
    let path = "store/models/tiny/v1.1.json"
    try fixture.scratch.write(path, try #require(before[path]))
    let error = #expect(throws: StoreError.self) { try fixture.open(.reading) }
    #expect(error?.code == .newerFormat || error?.message.contains("was interrupted") == true)
    return before
  }

  @Test func anInterruptedUpgradeIsFinishedByTheNext() throws {
    let before = try interrupt()
    _ = try machinery().run()
    let path = "store/models/tiny/v1.1.json"
    #expect(
      try fixture.scratch.read(path)
        == (try #require(before[path])) + [UInt8](repeating: 10, count: Self.steps.count))
    _ = try machinery().rollback()
    #expect(try fixture.snapshot() == before)
  }

  @Test func anInterruptedUpgradeCanBeTakenBack() throws {
    let before = try interrupt()
    _ = try machinery().rollback()
    #expect(try fixture.snapshot() == before)
  }

  @Test func rollingBackIsRefusedOnceVersionsHaveComeOrGone() throws {
    _ = try machinery().run()
    try FileManager.default.removeItem(atPath: fixture.scratch("store/models/tiny/v1.2.json"))
    let before = try fixture.snapshot()
    let error = #expect(throws: StoreError.self) { try machinery().rollback() }
    #expect(error?.message.contains("models/tiny/v1.2.json has gone") == true)
    #expect(try fixture.snapshot() == before)
  }

  @Test func anOlderFormatThanTheFirstAsksForTheUpgrade() throws {
    try fixture.scratch.write("store/weight_config.json", Array(#"{"format": 0, "models": {}}"#.utf8))
    let error = #expect(throws: StoreError.self) { try fixture.open(.reading) }
    #expect(error?.code == .olderFormat && error?.message.contains("tantra upgrade-store") == true)
  }
}
