import Tensors

/// Which tensors of a model are weights of linear layers that may be quantized. A state dict does not say so: it is known of some kinds
/// of models.
struct LinearWeights: Sendable {
  /// Ends of the names of modules that may be quantized, by `model_type`.
  private static let known: [String: [String]] = [
    // The weight of dt_proj is used as a tensor, and conv1d is no matrix.
    "mamba": ["in_proj", "x_proj", "out_proj"],
    "llama": projections, "mistral": projections, "qwen2": projections, "qwen3": projections,
    "gpt_neox": ["query_key_value", "attention.dense", "dense_h_to_4h", "dense_4h_to_h"],
  ]

  private static let projections = [
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
  ]

  /// Elements that a row may have: as many are held in memory.
  private static let widthLimit = 1 << 20

  let modelType: String
  /// Indices of the tensors in the state dict, by the names of their modules, in order.
  let modules: [(name: String, index: Int)]
  /// Modules with a matrix that stay as they are.
  let ignored: [String]

  /// - Throws: ``Withheld`` if it is not known of such models, or nothing can be quantized.
  init(_ input: ModelInput) throws(Withheld) {
    guard let type = input.configuration?["model_type"]?.text else {
      throw Withheld("config.json does not say what kind of model it is")
    }
    guard let ends = Self.known[type] else {
      throw Withheld("it is not known which matrices of a \(type) are those of linear layers")
    }
    guard input.configuration?["quantization_config"] == nil else { throw Withheld("it is quantized already") }
    modelType = type
    var (modules, ignored): ([(String, Int)], [String]) = ([], [])
    for (index, tensor) in input.stateDict.tensors.enumerated() {
      guard tensor.name.hasSuffix(".weight"), tensor.shape.dimensions.count == 2, tensor.byteCount > 0 else { continue }
      let module = String(tensor.name.dropLast(".weight".count))
      let isFloat = [DType.float32, .float16, .bfloat16].contains(tensor.dtype)
      if isFloat, ends.contains(where: { module.hasSuffix("." + $0) }), tensor.shape.dimensions[1] <= Self.widthLimit {
        modules.append((module, index))
      } else {
        ignored.append(module)
      }
    }
    guard !modules.isEmpty else { throw Withheld("it has no matrix of a linear layer that can be quantized") }
    // The head may be tied to the embeddings, and not be in the file.
    // Newer versions of transformers call that of GPT-NeoX as all others'.
    for head in type == "gpt_neox" ? ["embed_out", "lm_head"] : ["lm_head"] where !ignored.contains(head) {
      ignored.append(head)
    }
    (self.modules, self.ignored) = (modules, ignored)
  }
}
