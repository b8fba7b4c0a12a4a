import BlobStore
import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightRegistry

@Suite struct StoreTests {
  let fixture: RegistryFixture

  init() throws {
    fixture = try RegistryFixture()
    try fixture.importFile(
      try SmallWeights.example().safetensors(), as: "safetensors", into: try fixture.open())
  }

  @Test func onlyOneProcessWritesAndTheOtherLearnsWhoDoes() throws {
    let writer = try fixture.open(.writing(mountpoint: "/some/where"))
    let error = #expect(throws: StoreError.self) { try fixture.open() }
    #expect(error?.code == .locked)
    #expect(error?.message.contains("\(ProcessInfo.processInfo.processIdentifier)") == true)
    #expect(error?.message.contains("/some/where") == true)
    #expect(try fixture.open(.reading).records.models == writer.records.models)
  }

  @Test func readersMayNotWrite() throws {
    let registry = try fixture.open(.reading)
    #expect(throws: StoreError.self) { try registry.activation.setActive(fixture.model, fixture.version) }
    #expect(throws: StoreError.self) {
      try fixture.importFile(try SmallWeights.example().safetensors(), as: "safetensors", into: registry)
    }
  }

  @Test func lookingAtNothingMakesNothing() throws {
    let scratch = try TemporaryFolder()
    let other = try RegistryFixture()
    #expect(throws: StoreError.self) { try other.open(.reading) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: other.scratch.path).isEmpty)
    withExtendedLifetime(scratch) {}
  }

  @Test func emptyFoldersThatGitDropsAreNotMissed() throws {
    for name in ["checkpoints", "backups", ".staging"] {
      try FileManager.default.removeItem(atPath: fixture.scratch("store/\(name)"))
    }
    #expect(try fixture.open(.reading).records.models == [fixture.model])
    #expect(try fixture.open().records.models == [fixture.model])
  }

  @Test func unfinishedUploadsAreSwept() throws {
    try fixture.scratch.write("store/.staging/ingest.1234", [1, 2, 3])
    _ = try fixture.open()
    #expect(try fixture.scratch.files(below: "store/.staging") == ["store/.staging/changes", "store/.staging/lock"])
  }

  @Test func aNewerFormatIsRefused() throws {
    try fixture.scratch.write("store/weight_config.json", Array(#"{"format": 999, "models": 7}"#.utf8))
    let error = #expect(throws: StoreError.self) { try fixture.open(.reading) }
    #expect(error?.code == .newerFormat)
  }

  @Test(arguments: ["", "{", "[]", #"{"format":1}"#, #"{"format":1,"models":{"../x":{}}}"#, "\0\0\0"])
  func aDamagedConfigIsAnErrorThatNamesIt(text: String) throws {
    try fixture.scratch.write("store/weight_config.json", Array(text.utf8))
    let error = #expect(throws: StoreError.self) { try fixture.open(.reading) }
    #expect(error?.code == .damaged)
    #expect(error?.message.contains("weight_config.json") == true)
  }

  @Test func aDamagedManifestIsAnErrorForItsVersionOnly() throws {
    try fixture.importFile(
      try SmallWeights.example(bias: 2).safetensors(), as: "safetensors", version: "v2", into: try fixture.open())
    try fixture.scratch.write("store/models/mamba/v1.0.json", Array("{}".utf8))
    let registry = try fixture.open(.reading)
    #expect(throws: StoreError.self) { try registry.records.manifest(of: fixture.model, fixture.version) }
    #expect(try registry.records.manifest(of: fixture.model, try VersionName(validating: "v2")).main?.tensorCount == 3)
  }

  @Test(arguments: [
    "../x", "a//b", "", "/a", ".", "a/..", "a\\u0000b", "model.pt", String(repeating: "a/", count: 8191) + "aa",
  ])
  func aManifestWithAnImpossiblePathIsRefused(path: String) throws {
    try fixture.importFile(
      try SmallWeights.example().safetensors(), as: "safetensors", files: ["config.json": "{}"],
      into: try fixture.open())
    let text = String(decoding: try fixture.scratch.read("store/models/mamba/v1.0.json"), as: UTF8.self)
    try fixture.scratch.write(
      "store/models/mamba/v1.0.json", Array(text.replacingOccurrences(of: "config.json", with: path).utf8))
    let error = #expect(throws: StoreError.self) {
      try fixture.open(.reading).records.manifest(of: fixture.model, fixture.version)
    }
    #expect(error?.code == .damaged)
  }

  @Test func aReaderSeesWhatAWriterPublishes() throws {
    let reader = try fixture.open(.reading)
    try fixture.importFile(
      try SmallWeights.example(bias: 2).safetensors(), as: "safetensors", version: "v2", into: try fixture.open())
    _ = try eventually {
      try reader.refresh()
      return try reader.records.versions(of: fixture.model).count == 2
    }
    #expect(try reader.records.versions(of: fixture.model).map(\.text) == ["v1.0", "v2"])
  }

  @Test func aManifestUnderAnotherNameIsRefused() throws {
    let bytes = try fixture.scratch.read("store/models/mamba/v1.0.json")
    try fixture.scratch.write("store/models/mamba/v9.json", bytes)
    let error = #expect(throws: StoreError.self) {
      try fixture.open(.reading).records.manifest(of: fixture.model, try VersionName(validating: "v9"))
    }
    #expect(error?.code == .damaged)
  }

  @Test func aDamagedTableIsFoundBeforeItIsUsed() throws {
    let registry = try fixture.open(.reading)
    let manifest = try registry.records.manifest(of: fixture.model, fixture.version)
    try fixture.damage(
      fixture.path(ofBlob: try #require(manifest.main?.table).hexadecimal), at: Array("byteCount".utf8))
    let error = #expect(throws: StoreError.self) { try fixture.bytes(of: "pt", in: registry) }
    #expect(error?.code == .damaged)
    #expect(try fixture.bytes(of: "safetensors", in: registry) == SmallWeights.example().safetensors())
  }

  @Test func tablesThatDoNotFitAreRefused() throws {
    let registry = try fixture.open(.reading)
    let table = try registry.records.table(
      try #require(try registry.records.manifest(of: fixture.model, fixture.version).main?.table))
    let changes: [(inout Table) -> Void] = [
      { $0.storages[0].pack = 7 }, { $0.storages[0].segment = -1 }, { $0.storages[0].segment = nil },
      { $0.storages.removeLast() }, { $0.stateDict.tensors[0].storage = 99 },
      { $0.stateDict.tensors[0].byteOffset = .max },
      { $0.stateDict.tensors[0].byteCount += 4 }, { $0.stateDict.tensors[0].shape = [.max, .max] },
      { $0.stateDict.tensors[0].shape = [-1] }, { $0.stateDict.tensors[1].sameObjectAs = 1 },
      { $0.stateDict.storageSizes[0] += 1 }, { $0.packs[0].blob = Digest(of: [1]) },
      { $0.packs[0].segments.segments.swapAt(0, 1) },
    ]
    try table.checkConsistency()
    for change in changes {
      var broken = table
      change(&broken)
      #expect(throws: StoreError.self) { try broken.checkConsistency() }
    }
  }

  @Test func unknownNamesSayWhatThereIs() throws {
    let registry = try fixture.open(.reading)
    let model = #expect(throws: StoreError.self) {
      try registry.records.versions(of: try ModelName(validating: "mambo"))
    }
    #expect(model?.message.contains("mamba") == true)
    let version = #expect(throws: StoreError.self) {
      try registry.records.manifest(of: fixture.model, try VersionName(validating: "v1"))
    }
    #expect(version?.code == .unknownVersion)
  }
}
