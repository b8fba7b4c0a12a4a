import Foundation
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
    #expect(
      fixture.failure {
        try fixture.put(try shard(5..<6), at: "mamba/v2.0/model-00001-of-00002.safetensors")
      }?.errno == EPERM)
    #expect(try fixture.contents("mamba/v2.0/model-00001-of-00002.safetensors") == first)
    let report = try fixture.registry.purge(nil, nil)
    #expect(try fixture.contents("mamba/v2.0/model.safetensors") == shard(0..<2), "\(report)")
  }

  @Test func pytorchModelKeepsItsName() throws {
    let bytes = try SmallWeights.example().torchZip()
    try fixture.makeFolder("mamba/v2.0")
    try fixture.put(bytes, at: "mamba/v2.0/pytorch_model.bin")
    #expect(try fixture.contents("mamba/v2.0/pytorch_model.bin") == bytes)
    #expect(try fixture.names("mamba/v2.0").contains("model.safetensors"))
  }
}
