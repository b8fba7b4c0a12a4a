import StoreRecords
import TestSupport
import Testing
import WeightRegistry

@Suite struct HistoryTests {
  let fixture: RegistryFixture
  let registry: WeightRegistry

  init() throws {
    fixture = try RegistryFixture()
    registry = try fixture.open()
    for (index, version) in ["v1", "v2", "v3"].enumerated() {
      try fixture.importFile(
        try SmallWeights.example(bias: Float(index)).safetensors(), as: "safetensors", version: version, into: registry)
    }
  }

  private func activate(_ version: String) throws {
    try registry.activation.setActive(fixture.model, try VersionName(validating: version), by: Actor(uid: 7, pid: 8))
  }

  private var active: String? { registry.records.activeVersion(of: fixture.model)?.text }

  @Test func everySwitchIsRememberedWithWhoAndWhen() throws {
    try activate("v2")
    let history = try registry.records.history(of: fixture.model)
    #expect(history.map(\.to.text) == ["v1", "v2"])
    #expect(history.map(\.from?.text) == [nil, "v1"])
    #expect(history.map(\.actor) == [Actor.current, Actor(uid: 7, pid: 8)])
    #expect(history[0].time < history[1].time)
    #expect(abs(history[1].time - Timestamp.now()) < 60_000_000_000)
    #expect(try fixture.open(.reading).records.history(of: fixture.model) == history)
  }

  @Test func activatingWhatIsActiveChangesNothing() throws {
    try activate("v1")
    #expect(try registry.records.history(of: fixture.model).count == 1)
  }

  @Test func rollbackGoesBackStepByStep() throws {
    try activate("v2")
    try activate("v3")
    #expect(try registry.activation.rollback(fixture.model).to.text == "v2")
    #expect(active == "v2")
    #expect(try registry.activation.rollback(fixture.model).to.text == "v1")
    let error = #expect(throws: StoreError.self) { try registry.activation.rollback(fixture.model) }
    #expect(error?.message.contains("no earlier") == true)
    #expect(active == "v1")
  }

  @Test func aSwitchAfterARollbackStartsAnew() throws {
    try activate("v2")
    try registry.activation.rollback(fixture.model)
    try activate("v3")
    #expect(try registry.activation.rollback(fixture.model).to.text == "v1")
  }

  @Test func versionsThatAreGoneArePassedOver() throws {
    try activate("v2")
    try activate("v3")
    _ = try Command.run("rm", [fixture.scratch("store/models/mamba/v2.json")])
    let other = try RegistryFixture()
    _ = try Command.run("cp", ["-r", fixture.storePath, other.storePath])
    let reopened = try other.open()
    #expect(try reopened.activation.rollback(fixture.model).to.text == "v1")
    #expect(throws: StoreError.self) { try reopened.activation.rollback(fixture.model) }
  }

  @Test func theHistoryIsBounded() throws {
    for index in 0..<130 { try activate(index % 2 == 0 ? "v2" : "v3") }
    let history = try registry.records.history(of: fixture.model)
    #expect(history.count == WeightConfig.Model.historyLimit)
    #expect(history.last?.to.text == "v3")
    #expect(try registry.activation.rollback(fixture.model).to.text == "v2")
  }

  /// What a process leaves that ends between a line of the history and `weight_config.json`.
  @Test(arguments: [
    #"{"actor":{"pid":1,"uid":0},"from":"v2","isRollback":false,"time":9000000000000000000,"to":"v3"}"# + "\n",
    #"{"actor":{"pid":1,"#,
  ])
  func aSwitchThatNeverTookEffectIsInNoHistory(line: String) throws {
    try activate("v2")
    let path = "store/history/mamba.jsonl"
    try fixture.scratch.write(path, try fixture.scratch.read(path) + Array(line.utf8))
    #expect(try registry.records.history(of: fixture.model).map(\.to.text) == ["v1", "v2"])
    #expect(try registry.activation.rollback(fixture.model).to.text == "v1")
    #expect(try registry.records.history(of: fixture.model).map(\.to.text) == ["v1", "v2", "v1"])
    try activate("v3")
    #expect(try fixture.open(.reading).records.history(of: fixture.model).map(\.to.text) == ["v1", "v2", "v1", "v3"])
    #expect(!String(decoding: try fixture.scratch.read(path), as: UTF8.self).contains("9000000000000000000"))
  }

  @Test func aReaderSeesSwitchesAndTheirHistory() throws {
    let reader = try fixture.open(.reading)
    try reader.refresh()
    try activate("v2")
    _ = try eventually {
      try reader.refresh()
      return reader.records.activeVersion(of: fixture.model)?.text == "v2"
    }
    #expect(reader.records.activeVersion(of: fixture.model)?.text == "v2")
    #expect(try reader.records.history(of: fixture.model).map(\.to.text) == ["v1", "v2"])
  }
}
