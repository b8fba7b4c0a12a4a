import Foundation
import TantraRuntime
import Tensors
import TestSupport
import Testing

@Suite struct ModelArchitectureTests {
  private func architecture(_ name: String) throws -> ModelArchitecture {
    try #require(ModelArchitecture.named(name))
  }

  @Test(arguments: [("mamba", 689_792), ("mamba_multimodal", 690_112), ("ocr_native", 697_520)])
  func hasAsManyParametersAsDocumented(_ name: String, _ count: Int) throws {
    #expect(try architecture(name).parameterCount == count)
  }

  @Test func namesFindTheirModelsAndNoOthers() {
    #expect(ModelArchitecture.all.map(\.name) == ["mamba", "mamba_multimodal", "ocr_native"])
    for architecture in ModelArchitecture.all { #expect(ModelArchitecture.named(architecture.name) == architecture) }
    #expect(ModelArchitecture.named("Mamba") == nil)
  }

  /// As in Python, which wrote config.json.
  @Test(arguments: [#"{"a": "1", "a": "2"}"#, #"{"a": "1", "b": Infinity, "a": "2"}"#])
  func ofFieldsWithOneNameTheLastCounts(text: String) throws {
    #expect(try ConfigurationFields(parsing: Array(text.utf8)).string("a") == "2")
  }

  @Test(arguments: ModelArchitecture.all)
  func weightsFillTheTensorsAnnounced(_ architecture: ModelArchitecture) throws {
    let (stateDict, storages) = architecture.weights(seed: 3)
    #expect(stateDict.tensors.map(\.name) == architecture.tensors.map(\.name))
    #expect(stateDict.tensors.map(\.shape) == architecture.tensors.map(\.shape))
    #expect(Set(stateDict.tensors.map(\.name)).count == stateDict.tensors.count)
    #expect(stateDict.parameterCount == architecture.parameterCount)
    #expect(stateDict.storageSizes == storages.map(\.count))
    for (tensor, storage) in zip(stateDict.tensors, storages) {
      #expect(tensor.dtype.byteCount(ofElements: try #require(tensor.shape.elementCount)) == storage.count)
    }
  }

  @Test(arguments: ModelArchitecture.all)
  func configurationIsTheSameSortedJSONEachTime(_ architecture: ModelArchitecture) throws {
    let text = architecture.configuration
    #expect(text.hasSuffix("\n}\n"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["model_type"] as? String == architecture.name)
    let keys = text.split(separator: "\n").filter { $0.hasPrefix("  \"") }.map { $0.prefix { $0 != ":" } }
    #expect(keys.count == object.count)
    #expect(keys == keys.sorted())
    #expect(ModelArchitecture.named(architecture.name)?.configuration == text)
  }

  /// A folder with the model's config.json and its weights for the default seed.
  private func folder(of architecture: ModelArchitecture) throws -> TemporaryFolder {
    let (stateDict, storages) = architecture.weights()
    let folder = try TemporaryFolder()
    try Data(architecture.configuration.utf8).write(to: URL(fileURLWithPath: folder("config.json")))
    try SafetensorsFile.bytes(stateDict, storages).write(to: URL(fileURLWithPath: folder("model.safetensors")))
    return folder
  }

  @Test func transformersLoadsTheMambaAndRunsIt() throws {
    let architecture = try architecture("mamba")
    let folder = try folder(of: architecture)

    struct Summary: Decodable {
      let parameters: Int
      let names: [String]
      let loss: Double
      let dtype: String
      let same_configuration: Bool
    }
    let output = try Python.oracle("mount_transformers.py", [folder.path])
    let summary = try JSONDecoder().decode(Summary.self, from: Data(output.utf8))
    #expect(summary.parameters == architecture.parameterCount)
    #expect(summary.names == architecture.tensors.map(\.name))
    #expect(summary.dtype == "torch.float32")
    #expect(summary.same_configuration)
    // An untrained model knows nothing: log 256 = 5.545 nats a byte.
    #expect(abs(summary.loss - 5.545) < 0.2)
  }
  @Test(arguments: [("mamba_multimodal", [1, 20, 256]), ("ocr_native", [1, 50, 96])])
  func torchModulesBuiltFromTheConfigurationLoadOurOwnModels(_ name: String, _ shape: [Int]) throws {
    let architecture = try architecture(name)
    let folder = try folder(of: architecture)

    struct Summary: Decodable {
      let parameters: Int
      let names: [String]
      let shape: [Int]
      let entropy: Double
    }
    let output = try Python.oracle("own_models.py", [folder.path])
    let summary = try JSONDecoder().decode(Summary.self, from: Data(output.utf8))
    #expect(summary.parameters == architecture.parameterCount)
    #expect(summary.names == architecture.tensors.map(\.name))
    #expect(summary.shape == shape)
    // Untrained: the share of the largest possible uncertainty.
    #expect((0.9...1).contains(summary.entropy))
  }
}
