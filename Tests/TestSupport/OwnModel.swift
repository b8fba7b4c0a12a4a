package import Foundation
package import TantraRuntime
import Tensors

/// One of Tantra's own models in a folder of its own, with weights of a seed, and inputs for it.
package struct OwnModel {
  /// Holds config.json and model.safetensors.
  package let folder: TemporaryFolder

  /// The model that ships, or one of another shape.
  package enum Shape: Sendable, CaseIterable {
    case shippedReader, oddReader, shippedMultimodal, oddMultimodal
  }

  /// Writes the folder.
  package init(_ shape: Shape) throws {
    folder = try TemporaryFolder()
    let tensors: [TensorSpecification]
    let configuration: [String: ConfigurationValue]
    switch shape {
    case .shippedReader, .oddReader:
      var model = OcrNativeModel.shipped
      if shape == .oddReader {
        model.layers = Self.oddLayers
        model.imageHeight = 24
        model.stemChannels = [5, 11]
        model.stemWidthStrides = [1, 3]
      }
      (tensors, configuration) = (model.tensors, model.configuration)
    case .shippedMultimodal, .oddMultimodal:
      var model = MambaMultimodalModel.shipped
      if shape == .oddMultimodal {
        model.layers = Self.oddLayers
        model.imageSize = 56
        model.channelCount = 1
        model.visionChannels = [7, 13]
      }
      (tensors, configuration) = (model.tensors, model.configuration)
    }
    let text = ConfigurationValue.object(configuration).text + "\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder("config.json")))
    var (header, storages) = ([String](), Data())
    for tensor in tensors {
      var generator = SplitMix64(seed: 7, model: "test", tensor: tensor.name)
      let bytes = tensor.initializer.bytes(of: tensor.shape, from: &generator)
      header.append(
        "\"\(tensor.name)\":{\"dtype\":\"F32\",\"shape\":[\(tensor.shape.dimensions.map(String.init).joined(separator: ","))],"
          + "\"data_offsets\":[\(storages.count),\(storages.count + bytes.count)]}")
      storages.append(contentsOf: bytes)
    }
    let headerBytes = Data("{\(header.joined(separator: ","))}".utf8)
    var file = Data(withUnsafeBytes(of: UInt64(headerBytes.count).littleEndian, Array.init))
    file.append(headerBytes)
    file.append(storages)
    try file.write(to: URL(fileURLWithPath: folder("model.safetensors")))
  }

  /// No dimension is a multiple of a vector.
  private static let oddLayers = {
    var layers = OcrNativeModel.shipped.layers
    layers.count = 3
    layers.hiddenSize = 37
    layers.innerSize = 74
    layers.stateSize = 5
    layers.convolutionKernel = 3
    layers.timeStepRank = 7
    return layers
  }()
}

/// What torch found when it computed the same inputs.
package struct OwnScores: Decodable, Sendable {
  /// How many inputs there were.
  package var inputs: Int
  /// The largest difference of a score, over max(1, largest score).
  package var difference: Double
  /// What torch took for an input, with one thread.
  package var milliseconds: Double

  /// Has torch compute `inputs`, as `own_models.py` describes them, with the model of `folder`.
  package init(folder: String, inputs: Data, scores: [Float]) throws {
    let scratch = try TemporaryFolder()
    try inputs.write(to: URL(fileURLWithPath: scratch("inputs")))
    try scratch.write("scores", scores.withUnsafeBytes(Array.init))
    let output = try Python.oracle("own_models.py", [folder, scratch("inputs"), scratch("scores")])
    self = try JSONDecoder().decode(OwnScores.self, from: Data(output.utf8))
  }
}

/// Inputs that are the same each time.
package enum OwnInputs {
  /// Lines of 9 to 400 columns: noise, with bars of ink.
  package static func lines(_ count: Int, height: Int) -> [LineImage] {
    var generator = SplitMix64(state: 99)
    return (0..<count).map { index in
      let width = 9 + index * 8
      let values = (0..<width * height).map { pixel in
        let isBar = pixel % width / 3 % 2 == 0 && pixel / width > height / 4
        return Float(generator.nextUniform()) * 0.2 + (isBar ? 0.8 : 0)
      }
      return LineImage(width: width, height: height, values: values)
    }
  }

  /// Images of noise around a colour, each with 1 to 60 tokens.
  package static func scenes(_ count: Int, side: Int, channels: Int) -> [(image: RasterImage, tokens: [Int32])] {
    var generator = SplitMix64(state: 98)
    return (0..<count).map { index in
      let base = generator.nextUniform() * 200
      let values = (0..<side * side * channels).map { _ in UInt8(base + generator.nextUniform() * 55) }
      let tokens = (0...index % 60).map { _ in Int32(generator.nextUniform() * 256) }
      return (RasterImage(width: side, height: side, channels: channels, values: values), tokens)
    }
  }

  /// As `own_models.py` reads them.
  package static func data(_ lines: [LineImage]) -> Data {
    var data = Data()
    for line in lines {
      data.append(contentsOf: withUnsafeBytes(of: Int32(line.width), Array.init))
      data.append(contentsOf: line.values.withUnsafeBytes(Array.init))
    }
    return data
  }

  /// As `own_models.py` reads them.
  package static func data(_ scenes: [(image: RasterImage, tokens: [Int32])]) -> Data {
    var data = Data()
    for (image, tokens) in scenes {
      data.append(contentsOf: withUnsafeBytes(of: Int32(tokens.count), Array.init))
      data.append(contentsOf: tokens.withUnsafeBytes(Array.init))
      data.append(contentsOf: image.values)
    }
    return data
  }
}
