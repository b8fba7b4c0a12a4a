import Tensors

/// A folder with a model's weights quantized, from which transformers' `from_pretrained` loads it.
protocol QuantizedFolder: Sendable {
  /// Its name in the version's folder of `.derived`.
  static var name: String { get }

  /// The tensors, and what config.json says of how they are quantized.
  static func contents(
    _ input: ModelInput, _ weights: LinearWeights
  ) throws(Withheld) -> (tensors: QuantizedTensors, configuration: JSONDocument)
}

/// The folders that are offered: one line each.
enum QuantizedFolders {
  static let all: [any QuantizedFolder.Type] = [Int8Folder.self, Int4Folder.self, NormalFloatFolder.self]

  static let names = all.map { $0.name }
}

extension QuantizedFolder {
  static var weightsPath: String { "\(name)/model.safetensors" }
  static var configurationPath: String { "\(name)/config.json" }

  /// model.safetensors and config.json.
  static func files(_ input: ModelInput) throws(Withheld) -> (weights: DerivedFile, configuration: DerivedFile) {
    let (tensors, settings) = try contents(input, try LinearWeights(input))
    var members = input.configuration?.members ?? []
    members.append(.init(name: "quantization_config", value: settings))
    let text = Array((JSONDocument.object(members).text(indent: "") + "\n").utf8)
    return (try tensors.file(), DerivedFile(parts: [.literal(text)], byteCount: text.count, types: []))
  }

  /// Puts the tensors together: those that are quantized as `quantize` says, the others as they are.
  static func tensors(
    _ input: ModelInput, _ weights: LinearWeights,
    quantize: (_ module: String, _ tensor: TensorDescriptor, _ index: Int, inout QuantizedTensors) throws(Withheld) ->
      Void
  ) throws(Withheld) -> QuantizedTensors {
    let modules = Dictionary(weights.modules.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
    var tensors = QuantizedTensors()
    for (index, tensor) in input.stateDict.tensors.enumerated() {
      if let module = modules[index] {
        try quantize(module, tensor, index, &tensors)
      } else {
        tensors.append(tensor, at: index)
      }
    }
    return tensors
  }
}
