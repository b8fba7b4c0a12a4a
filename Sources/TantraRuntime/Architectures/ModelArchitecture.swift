package import Tensors

/// A model that Tantra ships, as plain data: its name, its tensors in order, and its config.json.
package struct ModelArchitecture: Sendable, Hashable, CustomStringConvertible {
  /// The model's name in the registry, which is also its `model_type`.
  package let name: String
  /// One line for listings.
  package let summary: String
  /// Every tensor, in table order, with its initialisation.
  package let specifications: [TensorSpecification]
  /// The text of config.json: keys sorted, indented by two spaces, ending with a newline; the same text each time.
  package let configuration: String

  private init(
    name: String, summary: String, tensors: [TensorSpecification], configuration: [String: ConfigurationValue]
  ) {
    self.name = name
    self.summary = summary
    specifications = tensors
    self.configuration = ConfigurationValue.object(configuration).text + "\n"
  }

  /// The seed of `tantra generate` when none is given.
  package static let defaultSeed: UInt64 = 42

  /// All shipped models.
  package static let all = [
    ModelArchitecture(
      name: "mamba", summary: "byte-level language model", tensors: MambaModel.shipped.tensors,
      configuration: MambaModel.shipped.configuration),
    ModelArchitecture(
      name: "mamba_multimodal", summary: "byte-level language model that also sees images",
      tensors: MambaMultimodalModel.shipped.tensors, configuration: MambaMultimodalModel.shipped.configuration),
    ModelArchitecture(
      name: "ocr_native", summary: "reader of printed lines", tensors: OcrNativeModel.shipped.tensors,
      configuration: OcrNativeModel.shipped.configuration),
  ]

  /// The shipped model with that name; nil if there is none.
  package static func named(_ name: some StringProtocol) -> ModelArchitecture? {
    all.first { $0.name == name }
  }

  /// Name, dtype and shape of every tensor, in table order.
  package var tensors: [(name: String, dtype: DType, shape: Shape)] {
    specifications.map { ($0.name, $0.dtype, $0.shape) }
  }

  package var description: String { name }

  /// Elements over all tensors.
  package var parameterCount: Int {
    specifications.reduce(0) { $0 + ($1.shape.elementCount ?? 0) }
  }

  /// The untrained weights for `seed`: the state dict, and the bytes of its storages (one for each tensor, same order).
  ///
  /// The same seed gives the same bytes on every machine: see ``SplitMix64`` and ``ReproducibleMath``.
  package func weights(seed: UInt64 = defaultSeed) -> (stateDict: StateDict, storages: [[UInt8]]) {
    let storages = specifications.map { tensor in
      var generator = SplitMix64(seed: seed, model: name, tensor: tensor.name)
      return tensor.initializer.bytes(of: tensor.shape, from: &generator)
    }
    let tensors = zip(specifications, storages).map { tensor, storage in
      (name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, byteCount: storage.count)
    }
    return (StateDict(independent: tensors), storages)
  }
}
