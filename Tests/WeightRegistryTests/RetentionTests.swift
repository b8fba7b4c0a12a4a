import Foundation
import StoreRecords
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

@Suite struct RetentionTests {
  let fixture: RegistryFixture
  let registry: WeightRegistry

  init() throws {
    fixture = try RegistryFixture()
    registry = try fixture.open()
    // Published in this order; v1 is active.
    for (index, version) in ["v1", "checkpoint-2", "v2", "checkpoint-1", "v3"].enumerated() {
      try fixture.importFile(
        try SmallWeights.example(bias: Float(index)).safetensors(), as: "safetensors", version: version,
        files: ["config.json": "{\"n\": \(index)}"], into: registry)
    }
  }

  private func version(_ text: String) throws -> VersionName { try VersionName(validating: text) }
  private var versions: [String] { get throws { try registry.records.versions(of: fixture.model).map(\.text) } }

  @Test func cleanupTakesCheckpointsThenTheOldestAndNeverTheActive() throws {
    let order = try registry.retention.cleanupCandidates(fixture.model, keep: 0).map(\.text)
    #expect(order == ["checkpoint-2", "checkpoint-1", "v2", "v3"])
    #expect(
      try registry.retention.cleanup(fixture.model, keep: 2).map(\.text) == ["checkpoint-2", "checkpoint-1", "v2"])
    #expect(try versions == ["v1", "v3"])
    #expect(try registry.retention.cleanup(fixture.model, keep: 0).map(\.text) == ["v3"])
    #expect(try versions == ["v1"])
    #expect(throws: StoreError.self) { try registry.retention.cleanup(fixture.model, keep: -1) }
  }

  @Test func backedUpVersionsStay() throws {
    try registry.retention.backup(fixture.model, try version("v2"))
    #expect(
      try registry.retention.cleanup(fixture.model, keep: 1).map(\.text) == ["checkpoint-2", "checkpoint-1", "v3"])
    #expect(try versions == ["v1", "v2"])
  }

  @Test func theActiveVersionCannotBeRemoved() throws {
    let error = #expect(throws: StoreError.self) { try registry.retention.retire(fixture.model, try version("v1")) }
    #expect(error?.code == .inUse)
    #expect(try versions.count == 5)
    #expect(try registry.records.backups(of: fixture.model).isEmpty)
  }

  @Test func whatWasRemovedComesBackAsItWas() throws {
    let before = try registry.records.manifest(of: fixture.model, try version("checkpoint-1"))
    let bytes = try fixture.bytes(of: "pt", version: "checkpoint-1", in: registry)
    try registry.retention.retire(fixture.model, try version("checkpoint-1"))
    #expect(!registry.records.contains(fixture.model, try version("checkpoint-1")))
    let reopened = try reopen()
    try reopened.retention.restore(fixture.model, try version("checkpoint-1"))
    #expect(try reopened.records.manifest(of: fixture.model, try version("checkpoint-1")) == before)
    #expect(reopened.records.isCheckpoint(fixture.model, try version("checkpoint-1")))
    #expect(try fixture.bytes(of: "pt", version: "checkpoint-1", in: reopened) == bytes)
    #expect(try reopened.records.backups(of: fixture.model).isEmpty)
    let error = #expect(throws: StoreError.self) {
      try reopened.retention.restore(fixture.model, try version("checkpoint-1"))
    }
    #expect(error?.code == .alreadyExists)
  }

  /// A copy of the store, opened anew.
  private func reopen() throws -> WeightRegistry {
    let copy = fixture.scratch("copy")
    _ = try Command.run("cp", ["-r", fixture.storePath, copy])
    return try fixture.open(path: copy)
  }

  @Test func theVersionRemovedLastIsRestored() throws {
    try registry.retention.retire(fixture.model, try version("v3"))
    try fixture.importFile(
      try SmallWeights.example(bias: 77).safetensors(), as: "safetensors", version: "v3", into: registry)
    try registry.retention.retire(fixture.model, try version("v3"))
    #expect(try registry.records.backups(of: fixture.model).map(\.number) == [1, 2])
    try registry.retention.restore(fixture.model, try version("v3"))
    #expect(
      try fixture.bytes(of: "safetensors", version: "v3", in: registry) == SmallWeights.example(bias: 77).safetensors())
  }

  @Test func purgeFreesWhatNothingNeedsAndNothingElse() throws {
    try registry.retention.backup(fixture.model, try version("v2"))
    try registry.retention.cleanup(fixture.model, keep: 1)
    let blobs = try fixture.scratch.files(below: "store/weights").count
    #expect(try registry.retention.purge(nil, nil, olderThan: 3600 * 1_000_000_000).removedBlobs == 0)
    let report = try registry.retention.purge(nil, nil)
    #expect(report.purged == ["mamba/checkpoint-1", "mamba/checkpoint-2", "mamba/v3"])
    // A pack, a table and an ordinary file each.
    #expect(report.removedBlobs == 9)
    #expect(try fixture.scratch.files(below: "store/weights").count == blobs - 9)
    for kept in ["v1", "v2"] { #expect(try registry.validation.validate(fixture.model, try version(kept)).isValid) }
    #expect(throws: StoreError.self) { try registry.retention.restore(fixture.model, try version("v3")) }
  }

  @Test func purgeOfAVersionLeavesTheOthers() throws {
    try registry.retention.cleanup(fixture.model, keep: 1)
    #expect(try registry.retention.purge(fixture.model, try version("v3")).purged == ["mamba/v3"])
    try registry.retention.restore(fixture.model, try version("v2"))
    #expect(try registry.validation.validate(fixture.model, try version("v2")).isValid)
  }

  @Test func aBackupOutlivesItsVersion() throws {
    try registry.retention.backup(fixture.model, try version("v2"))
    try registry.retention.retire(fixture.model, try version("v2"))
    _ = try registry.retention.purge(nil, nil)
    try registry.retention.restore(fixture.model, try version("v2"))
    #expect(try registry.validation.validate(fixture.model, try version("v2")).isValid)
    #expect(try registry.records.backups(of: fixture.model).map(\.isPinned) == [true])
  }

  @Test func anOpenViewKeepsItsBytesThroughPurge() throws {
    let view = try registry.views.open("pt", of: fixture.model, try version("v3"))
    let expected = try view.bytes(at: 0, count: view.byteCount, what: "")
    try registry.retention.retire(fixture.model, try version("v3"))
    _ = try registry.retention.purge(nil, nil)
    #expect(try view.bytes(at: 0, count: view.byteCount, what: "") == expected)
  }

  @Test func aDamagedManifestStopsThePurgeBeforeAnythingGoes() throws {
    try registry.retention.retire(fixture.model, try version("v3"))
    let files = try fixture.scratch.files(below: "store/weights")
    try fixture.scratch.write("store/models/mamba/v2.json", Array("{".utf8))
    let fresh = try reopen()
    let before = try fixture.scratch.files(below: "copy/weights")
    #expect(throws: StoreError.self) { try fresh.retention.purge(nil, nil) }
    #expect(try fixture.scratch.files(below: "copy/weights") == before)
    #expect(before.count == files.count)
  }

  @Test func aCrashBetweenTheTwoStepsOfARemovalLeavesTheVersion() throws {
    // The record is written first: what a crash leaves is a record of a version that is still there.
    let manifest = try fixture.scratch.read("store/models/mamba/v3.json")
    try registry.retention.retire(fixture.model, try version("v3"))
    try fixture.scratch.write("store/models/mamba/v3.json", manifest)
    let fresh = try reopen()
    #expect(fresh.records.contains(fixture.model, try version("v3")))
    _ = try fresh.retention.purge(nil, nil)
    #expect(try fresh.validation.validate(fixture.model, try version("v3")).isValid)
  }
}
