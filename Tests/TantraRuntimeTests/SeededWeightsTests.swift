import TantraRuntime
import Tensors
import TestSupport
import Testing

@Suite struct SeededWeightsTests {
  /// What a seed gives may never change: stores made long ago hold these bytes.
  @Test(arguments: [
    ("mamba", 0, "62f61d4df9b79a477e1c641d95bba3e0f4542f7f25579969c99cefc83af5c3d0"),
    ("mamba", 1, "d819d6375efbe176c982c4aa4a1108fb5fdf16d6de0cb4ba84a4a14067f7a942"),
    ("mamba", 42, "9e4a7b66dee0b56870a30302225a4bb5501aa66af785203bdaa85d20bbfab18b"),
    ("mamba", UInt64.max, "d7684637747dea7ce0334dd46f5a905f9e06b01b1b682a199052239a74332a7e"),
    ("mamba_multimodal", 0, "e7592472104ecd43a282c26dd94ae2578f4234307980f4ad213191cd0c529bef"),
    ("mamba_multimodal", 42, "1da4779156cedc8359dccd368682e086fa0c1c3ca36d4589361ecfa402e0c2b5"),
    ("ocr_native", 0, "58845de2599a3561ec23649c4f5cc9fd60165f57c86f3ef9dac8c69bd300fd1a"),
    ("ocr_native", 42, "c881e7a0ccf74938dbde3d267585592e68f4336c0d793802101c491a3bcc465a"),
  ])
  func theSameSeedGivesTheSameBytesAnywhere(_ model: String, _ seed: UInt64, _ digest: String) throws {
    let architecture = try #require(ModelArchitecture.named(model))
    #expect(Digest(of: Array(architecture.weights(seed: seed).storages.joined())).hexadecimal == digest)
  }

  @Test func theDefaultSeedIs42() throws {
    let architecture = try #require(ModelArchitecture.named("ocr_native"))
    #expect(architecture.weights().storages == architecture.weights(seed: 42).storages)
    #expect(architecture.weights().storages != architecture.weights(seed: 43).storages)
  }

  @Test(arguments: ModelArchitecture.all)
  func anIndependentGeneratorGivesTheSameBits(_ architecture: ModelArchitecture) throws {
    let (stateDict, storages) = architecture.weights(seed: 7)
    let requests = stateDict.tensors.map { tensor in
      ([tensor.name] + tensor.shape.dimensions.map(String.init)).joined(separator: " ")
    }
    let output = try Python.oracle("seeded_weights.py", [architecture.name, "7"] + requests)
    let expected = zip(stateDict.tensors, storages).map { "\($0.name) \(Digest(of: $1))" }
    #expect(output.split(separator: "\n").map(String.init) == expected)
  }

  @Test func randomTensorsShareNothingAcrossModelsAndLayers() throws {
    var seen: [Digest: String] = [:]
    for architecture in ModelArchitecture.all {
      let (stateDict, storages) = architecture.weights(seed: 0)
      for (tensor, storage) in zip(stateDict.tensors, storages) {
        guard !["zeros", "ones", "logarithmOfColumn"].contains("\(initializer(of: tensor.name, architecture))") else {
          continue
        }
        let owner = seen.updateValue("\(architecture.name)/\(tensor.name)", forKey: Digest(of: storage))
        #expect(owner == nil, "\(tensor.name) equals \(owner ?? "")")
      }
    }
    #expect(seen.count == 7 * 5 * 3 + 1 + 8 + 5)
  }

  private func initializer(of name: String, _ architecture: ModelArchitecture) -> TensorInitializer {
    architecture.specifications.first { $0.name == name }?.initializer ?? .zeros
  }

  @Test func initialValuesFollowTheMambaPaper() throws {
    let architecture = try #require(ModelArchitecture.named("mamba"))
    let (stateDict, storages) = architecture.weights(seed: 5)
    func floats(_ name: String) throws -> [Float] {
      let index = try #require(stateDict.tensors.firstIndex { $0.name == name })
      return storages[index].withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: 4).map { offset in
          Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }
      }
    }
    let mixer = "backbone.layers.3.mixer."
    let logarithms: [Float] = [
      0, 0.6931472, 1.0986123, 1.3862944, 1.609438, 1.7917595, 1.9459101, 2.0794415, 2.1972246, 2.3025851, 2.3978953,
      2.4849067, 2.5649493, 2.6390574, 2.7080503, 2.7725887,
    ]
    #expect(try floats(mixer + "A_log") == Array(repeating: logarithms, count: 272).flatMap { $0 })
    #expect(try floats(mixer + "D") == Array(repeating: 1, count: 272))
    #expect(try floats("backbone.norm_f.weight") == Array(repeating: 1, count: 136))

    let bias = try floats(mixer + "dt_proj.bias")  // inverse softplus of 0.001 ... 0.1
    #expect(bias.allSatisfy { (-6.9073 ... -2.2521).contains($0) })
    let meanOfBias = bias.reduce(0, +) / Float(bias.count)
    #expect(abs(meanOfBias - -4.59) < 0.25)

    let embeddings = try floats("backbone.embeddings.weight").map(Double.init)
    let variance = embeddings.map { $0 * $0 }.reduce(0, +) / Double(embeddings.count)
    #expect(abs(variance.squareRoot() - 0.02) < 0.0005)
    #expect(abs(embeddings.reduce(0, +) / Double(embeddings.count)) < 0.0005)

    let output = try floats(mixer + "out_proj.weight").map(Double.init)
    let bound = 1 / (272.0 * 5).squareRoot()
    let largest = try #require(output.map(abs).max())
    #expect(largest <= bound + 1e-9 && largest > 0.99 * bound)
  }
}
