import Foundation
import StoreRecords
import TestSupport
import Testing
import WeightRegistry
import WeightsFS

/// Weights that come in several files, or under another library's name.
@Suite struct ShardTests {
  let fixture: TreeFixture

  init() throws { fixture = try TreeFixture() }

  private func shard(_ range: Range<Int>) throws -> [UInt8] {
    try SmallWeights(range.map { ("layer.\($0)", [Float($0), 1]) }).safetensors()
  }

  private let index =
    #"{"weight_map": {"layer.0": "model-00001-of-00002.safetensors", "layer.1": "model-00002-of-00002.safetensors"}}"#

  @Test(arguments: [true, false]) func theFileThatCompletesTheSetPublishes(indexLast: Bool) throws {
    try fixture.makeFolder("mamba/v2.0")
    if !indexLast { try fixture.put(Array(index.utf8), at: "mamba/v2.0/model.safetensors.index.json") }
    let first = try shard(0..<1)
    try fixture.put(first, at: "mamba/v2.0/model-00001-of-00002.safetensors")
    try fixture.put(try shard(1..<2), at: "mamba/v2.0/.tmpxyz")
    #expect(!(try fixture.names("mamba/v2.0").contains("model.pt")))
    try fixture.rename("mamba/v2.0/.tmpxyz", to: "mamba/v2.0/model-00002-of-00002.safetensors")
    if indexLast { try fixture.put(Array(index.utf8), at: "mamba/v2.0/model.safetensors.index.json") }
    #expect(
      Set(try fixture.names("mamba/v2.0")) == [
        "model.safetensors", "model.pt", "model.bin", "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors", "model.safetensors.index.json",
      ])
    #expect(try fixture.contents("mamba/v2.0/model-00001-of-00002.safetensors") == first)
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == shard(0..<2))
    // The same once more is accepted, and what is removed can be purged around.
    try fixture.put(first, at: "mamba/v2.0/model-00001-of-00002.safetensors")
    #expect(try fixture.contents("mamba/v2.0/model-00001-of-00002.safetensors") == first)
    let report = try fixture.registry.retention.purge(nil, nil)
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == shard(0..<2), "\(report)")
  }

  @Test func aSetIsReplacedWhenAllOfItHasComeAgain() throws {
    try makeSharded("mamba/v2.0")
    let before = try fixture.contents("mamba/v2.0/model.safetensors")
    // The new set cuts the weights elsewhere, and its index comes last.
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    let shards = try [
      SmallWeights([("layer.0", [7, 1]), ("layer.1", [8, 1])]).safetensors(),
      SmallWeights([("layer.2", [9, 1])]).safetensors(),
    ]
    let map = [("layer.0", 0), ("layer.1", 0), ("layer.2", 1)].map { "\"\($0.0)\": \"\(names[$0.1])\"" }
    for (name, shard) in zip(names, shards) {
      try fixture.put(shard, at: "mamba/v2.0/\(name)")
      #expect(try fixture.contents("mamba/v2.0/model.safetensors") == before)
    }
    try fixture.put(
      Array("{\"weight_map\": {\(map.joined(separator: ", "))}}".utf8), at: "mamba/v2.0/model.safetensors.index.json")
    let whole = try SmallWeights([("layer.0", [7, 1]), ("layer.1", [8, 1]), ("layer.2", [9, 1])]).safetensors()
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == whole)
    for (name, shard) in zip(names, shards) { #expect(try fixture.contents("mamba/v2.0/\(name)") == shard) }
    _ = try fixture.request("restore", "mamba/v2.0@1")
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == before)
  }

  @Test func pytorchModelKeepsItsName() throws {
    let bytes = try SmallWeights.example().torchZip()
    try fixture.makeFolder("mamba/v2.0")
    try fixture.put(bytes, at: "mamba/v2.0/pytorch_model.bin")
    #expect(try fixture.contents("mamba/v2.0/pytorch_model.bin") == bytes)
    #expect(try fixture.names("mamba/v2.0").contains("model.safetensors"))
  }

  /// A version with two shards and their index.
  private func makeSharded(_ folder: String) throws {
    try fixture.makeFolder(folder)
    try fixture.put(try shard(0..<1), at: "\(folder)/model-00001-of-00002.safetensors")
    try fixture.put(try shard(1..<2), at: "\(folder)/model-00002-of-00002.safetensors")
    try fixture.put(Array(index.utf8), at: "\(folder)/model.safetensors.index.json")
  }

  private func link(_ path: String, to newPath: String) throws {
    let (parent, name) = try fixture.split(newPath)
    _ = try fixture.tree.makeHardLink(
      to: try fixture.inode(path), named: name, in: parent, caller: fixture.caller, isInterrupted: { false })
  }

  /// How many uploads are staged, once those are gone that were frozen while somebody wrote to them.
  private func staged(settledAs expected: Int) throws -> Int {
    var count = 0
    _ = try eventually {
      fixture.registry.records.uploads.releaseAll()
      count = try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("store/.staging"))
        .count { $0.hasPrefix("upload.") }
      return count == expected
    }
    return count
  }

  @Test(arguments: [true, false], [true, false])
  func copiesOfShardsStoreNothing(views: Bool, links: Bool) throws {
    try makeSharded("mamba/v2.0")
    let files = try fixture.names("mamba/v2.0").filter { views || !$0.hasPrefix("model.") || $0.hasSuffix(".json") }
    let stored = try fixture.registry.statistics().storedBytes
    try fixture.makeFolder("mamba/v2.1")
    for name in files {
      if links {
        try link("mamba/v2.0/\(name)", to: "mamba/v2.1/\(name)")
      } else {
        try fixture.copy("mamba/v2.0/\(name)", to: "mamba/v2.1/\(name)", piece: 50)
      }
    }
    #expect(Set(try fixture.names("mamba/v2.1")) == Set(try fixture.names("mamba/v2.0")))
    for name in try fixture.names("mamba/v2.1") {
      #expect(try fixture.contents("mamba/v2.1/\(name)") == fixture.contents("mamba/v2.0/\(name)"), "\(name)")
    }
    #expect(try fixture.registry.statistics().storedBytes == stored)
    #expect(try staged(settledAs: 0) == 0)
    #expect(
      try fixture.registry.validation.validate(
        try ModelName(validating: "mamba"), try VersionName(validating: "v2.1")
      ).isValid)
  }

  @Test func aCopyOfASingleShardWaitsForTheOthers() throws {
    try makeSharded("mamba/v2.0")
    try fixture.makeFolder("mamba/v2.1")
    let name = "model-00001-of-00002.safetensors"
    try fixture.copy("mamba/v2.0/\(name)", to: "mamba/v2.1/\(name)")
    #expect(try fixture.names("mamba/v2.1") == [name])
    // Its source may go: its bytes stay for it.
    for file in try fixture.names("mamba/v2.0") { try fixture.unlink("mamba/v2.0/\(file)") }
    try fixture.removeFolder("mamba/v2.0")
    _ = try fixture.registry.retention.purge(nil, nil)
    let again = try fixture.reopened()
    #expect(try again.contents("mamba/v2.1/\(name)") == shard(0..<1))
    try again.put(try shard(1..<2), at: "mamba/v2.1/model-00002-of-00002.safetensors")
    try again.put(Array(index.utf8), at: "mamba/v2.1/model.safetensors.index.json")
    #expect(try again.contents("mamba/v2.1/model.safetensors") == shard(0..<2))
    // It is renamed, removed and replaced as any file.
    try again.makeFolder("mamba/v2.2")
    try again.copy("mamba/v2.1/\(name)", to: "mamba/v2.2/\(name)")
    try again.rename("mamba/v2.2/\(name)", to: "mamba/v2.2/model-00001-of-00003.safetensors")
    #expect(try again.names("mamba/v2.2") == ["model-00001-of-00003.safetensors"])
    try again.put([1, 2], at: "mamba/v2.2/model-00001-of-00003.safetensors")
    #expect(try again.contents("mamba/v2.2/model-00001-of-00003.safetensors") == [1, 2])
    try again.unlink("mamba/v2.2/model-00001-of-00003.safetensors")
    #expect(try again.names("mamba/v2.2").isEmpty)
  }

  @Test func aSetThatIsRefusedChangesNothing() throws {
    try fixture.makeFolder("mamba/v2.0")
    try fixture.put(Array(index.utf8), at: "mamba/v2.0/model.safetensors.index.json")
    try fixture.put(try shard(0..<1), at: "mamba/v2.0/model-00001-of-00002.safetensors")
    // Both have layer.0.
    let failure = fixture.failure {
      try fixture.put(try shard(0..<1), at: "mamba/v2.0/model-00002-of-00002.safetensors")
    }
    #expect(failure?.errno == EINVAL)
    #expect(
      Set(try fixture.names("mamba/v2.0")) == [
        "model.safetensors.index.json", "model-00001-of-00002.safetensors",
      ])
    #expect(try staged(settledAs: 1) == 1)
    // An index that comes last stays, as any file does, until the set fits it.
    try fixture.makeFolder("mamba/v2.1")
    try fixture.put(try shard(0..<1), at: "mamba/v2.1/model-00001-of-00002.safetensors")
    try fixture.put(Array("no weights".utf8), at: "mamba/v2.1/model-00002-of-00002.safetensors")
    #expect(
      fixture.failure {
        try fixture.put(Array(index.utf8), at: "mamba/v2.1/model.safetensors.index.json")
      }?.errno == EINVAL)
    #expect(!(try fixture.names("mamba/v2.1").contains("model.safetensors")))
    try fixture.put(try shard(1..<2), at: "mamba/v2.1/model-00002-of-00002.safetensors")
    #expect(try fixture.contents("mamba/v2.1/model.safetensors") == shard(0..<2))
  }

  @Test(
    arguments: [
      (#"{"layer.0": "model-00002-of-00002.safetensors", "layer.1": "model-00001-of-00002.safetensors"}"#, "layer.0"),
      (#"{"layer.1": "model-00002-of-00002.safetensors", "x": "model-00001-of-00002.safetensors"}"#, "layer.0"),
    ])
  func anIndexThatIsWrongIsRefusedWithItsFirstMistake(map: String, tensor: String) throws {
    try fixture.makeFolder("mamba/v2.0")
    try fixture.put(try shard(0..<1), at: "mamba/v2.0/model-00001-of-00002.safetensors")
    try fixture.put(try shard(1..<2), at: "mamba/v2.0/model-00002-of-00002.safetensors")
    let path = "mamba/v2.0/model.safetensors.index.json"
    let wrong = Array(#"{"weight_map": \#(map)}"#.utf8)
    let refusal = fixture.failure { try fixture.put(wrong, at: path) }
    #expect(refusal?.errno == EINVAL && refusal?.reason.contains(tensor) == true, "\(String(describing: refusal))")
    #expect(!(try fixture.names("mamba/v2.0").contains("model.pt")))
    try fixture.put(Array(index.utf8), at: path)
    // What is published is compared with an index that comes later as well.
    #expect(fixture.failure { try fixture.put(wrong, at: path) }?.errno == EINVAL)
    try fixture.put(Array(index.utf8), at: path)
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == shard(0..<2))
  }

  @Test func pytorchModelIsCopiedWithoutData() throws {
    try fixture.makeFolder("mamba/v2.0")
    try fixture.put(try SmallWeights.example().torchZip(), at: "mamba/v2.0/pytorch_model.bin")
    let stored = try fixture.registry.statistics().storedBytes
    try fixture.makeFolder("mamba/v2.1")
    try fixture.copy("mamba/v2.0/pytorch_model.bin", to: "mamba/v2.1/pytorch_model.bin")
    try link("mamba/v2.0/pytorch_model.bin", to: "mamba/v2.1/pytorch_model.bin")
    #expect(try fixture.contents("mamba/v2.1/model.safetensors") == fixture.contents("mamba/v2.0/model.safetensors"))
    #expect(try fixture.registry.statistics().storedBytes == stored)
  }
}
