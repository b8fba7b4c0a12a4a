import Tensors

/// How the models of one kind are written in GGUF: names, keys, and what becomes of tensors.
protocol GGUFArchitecture: Sendable {
  /// `model_type` in config.json of the models that it is for.
  static var modelTypes: [String] { get }

  /// - Throws: ``Withheld`` if the state dict is not what config.json says, or llama.cpp does not run such a model.
  static func model(_ input: ModelInput, _ configuration: JSONDocument) throws(Withheld) -> GGUFModel
}

/// The kinds of models that llama.cpp runs, as far as they are known here: one line each.
enum GGUFArchitectures {
  static let all: [any GGUFArchitecture.Type] = [
    MambaGGUF.self, LlamaGGUF.self, Qwen2GGUF.self, Qwen3GGUF.self, GPTNeoXGGUF.self, BertGGUF.self,
  ]

  /// What a state dict is in GGUF: as its architecture says, or as it is, if that is none of the known.
  static func model(_ input: ModelInput) throws(Withheld) -> GGUFModel {
    if let configuration = input.configuration, let type = configuration["model_type"]?.text,
      let architecture = all.first(where: { $0.modelTypes.contains(type) })
    {
      return try architecture.model(input, configuration)
    }
    return try GenericGGUF.model(input)
  }
}

extension GGUFArchitecture {
  /// The keys that every file begins with.
  static func generalKeys(_ architecture: String, _ input: ModelInput, parameterCount: Int) -> [GGUFKey] {
    [
      GGUFKey("general.architecture", .string(architecture)), GGUFKey("general.type", .string("model")),
      GGUFKey("general.name", .string(input.name)),
    ] + (ModelInput.sizeLabel(parameterCount).map { [GGUFKey("general.size_label", .string($0))] } ?? [])
  }

  static func parameterCount(_ tensors: [GGUFModel.Tensor]) -> Int {
    tensors.reduce(0) { total, tensor in
      let count = tensor.shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
      return total.addingReportingOverflow(count).partialValue
    }
  }

  /// A tensor that must be there, with the shape that config.json lets expect.
  ///
  /// - Parameter shape: as the state dict has it; nil for any.
  static func require(_ name: String, _ shape: [Int]?, in input: ModelInput) throws(Withheld) {
    guard let index = input.index(of: name) else {
      throw Withheld("there is no tensor \"\(name)\", which config.json lets expect")
    }
    let found = input.stateDict.tensors[index].shape.dimensions
    guard shape == nil || found == shape else {
      throw Withheld("tensor \"\(name)\" is of shape \(found), and config.json lets expect \(shape ?? [])")
    }
  }
}
