import Tensors

/// transformers' `MambaForCausalLM` as llama.cpp's `mamba` (conversion/mamba.py).
enum MambaGGUF: GGUFArchitecture {
  static let modelTypes = ["mamba"]

  private static let whole = [
    "backbone.embeddings.weight": "token_embd.weight", "backbone.norm_f.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
  ]

  private static let parts = [
    "norm.weight": "attn_norm.weight", "mixer.in_proj.weight": "ssm_in.weight",
    "mixer.conv1d.weight": "ssm_conv1d.weight", "mixer.conv1d.bias": "ssm_conv1d.bias",
    "mixer.x_proj.weight": "ssm_x.weight", "mixer.dt_proj.weight": "ssm_dt.weight",
    "mixer.dt_proj.bias": "ssm_dt.bias", "mixer.A_log": "ssm_a", "mixer.D": "ssm_d",
    "mixer.out_proj.weight": "ssm_out.weight",
  ]

  static func model(_ input: ModelInput, _ configuration: JSONDocument) throws(Withheld) -> GGUFModel {
    let hidden = try configuration.requiredSize("hidden_size")
    let layers = try configuration.requiredSize("num_hidden_layers")
    let vocabulary = try configuration.requiredSize("vocab_size")
    let inner = try configuration.size("intermediate_size") ?? 2 * hidden
    guard hidden > 0, inner == 2 * hidden else {
      throw Withheld("llama.cpp runs a Mamba only if it is twice as wide inside: \(inner) is not 2 x \(hidden)")
    }
    let state = try configuration.size("state_size") ?? 16
    let rank = try configuration.size("time_step_rank") ?? (hidden + 15) / 16
    let kernel = try configuration.size("conv_kernel") ?? 4
    try check(input, hidden, layers, vocabulary, inner, state, rank, kernel)
    let tensors = try tensors(input, layers)
    let keys =
      generalKeys("mamba", input, parameterCount: parameterCount(tensors)) + [
        GGUFKey("mamba.context_length", .uint32(1 << 20)),
        GGUFKey("mamba.embedding_length", .uint32(UInt32(clamping: hidden))),
        GGUFKey("mamba.feed_forward_length", .uint32(0)),
        GGUFKey("mamba.attention.head_count", .uint32(0)),
        GGUFKey("mamba.block_count", .uint32(UInt32(clamping: layers))),
        GGUFKey("mamba.ssm.conv_kernel", .uint32(UInt32(clamping: kernel))),
        GGUFKey("mamba.ssm.inner_size", .uint32(UInt32(clamping: inner))),
        GGUFKey("mamba.ssm.state_size", .uint32(UInt32(clamping: state))),
        GGUFKey("mamba.ssm.time_step_rank", .uint32(UInt32(clamping: rank))),
        GGUFKey(
          "mamba.attention.layer_norm_rms_epsilon", .float32(try configuration.decimal("layer_norm_epsilon") ?? 1e-5)),
        GGUFKey("mamba.ssm.dt_b_c_rms", .bool(false)), GGUFKey("general.file_type", .fileType),
        GGUFKey("general.quantization_version", .uint32(2)),
      ]
    return GGUFModel(keys: keys + (try tokenizer(input, configuration, vocabulary)), tensors: tensors)
  }

  private static func check(
    _ input: ModelInput, _ hidden: Int, _ layers: Int, _ vocabulary: Int, _ inner: Int, _ state: Int, _ rank: Int,
    _ kernel: Int
  ) throws(Withheld) {
    try require("backbone.embeddings.weight", [vocabulary, hidden], in: input)
    try require("backbone.norm_f.weight", [hidden], in: input)
    guard layers <= input.stateDict.tensors.count else {
      throw Withheld("config.json lets expect \(layers) layers, and there are \(input.stateDict.tensors.count) tensors")
    }
    let shapes: [String: [Int]] = [
      "norm.weight": [hidden], "mixer.in_proj.weight": [2 * inner, hidden], "mixer.conv1d.weight": [inner, 1, kernel],
      "mixer.conv1d.bias": [inner], "mixer.x_proj.weight": [rank + 2 * state, inner],
      "mixer.dt_proj.weight": [inner, rank], "mixer.dt_proj.bias": [inner], "mixer.A_log": [inner, state],
      "mixer.D": [inner], "mixer.out_proj.weight": [hidden, inner],
    ]
    for layer in 0..<layers {
      for (part, shape) in shapes.sorted(by: { $0.key < $1.key }) {
        try require("backbone.layers.\(layer).\(part)", shape, in: input)
      }
    }
  }

  private static func tensors(_ input: ModelInput, _ layers: Int) throws(Withheld) -> [GGUFModel.Tensor] {
    var tensors: [GGUFModel.Tensor] = []
    for (index, tensor) in input.stateDict.tensors.enumerated() {
      guard let name = newName(of: tensor.name, layers) else {
        throw Withheld("tensor \"\(tensor.name)\" has no place in llama.cpp's mamba")
      }
      if name == "output.weight", let embeddings = input.index(of: "backbone.embeddings.weight"),
        input.digests[index] == input.digests[embeddings], tensor.dtype == input.stateDict.tensors[embeddings].dtype
      {
        continue
      }
      var shape = tensor.shape.dimensions
      if name.hasSuffix("ssm_conv1d.weight") { shape.remove(at: 1) }
      tensors.append(
        GGUFModel.Tensor(
          name: name, source: index, shape: shape, change: name.hasSuffix(".ssm_a") ? .negativeExponential : .none,
          isAlwaysFloat: name.hasSuffix("ssm_conv1d.weight")))
    }
    return tensors
  }

  private static func newName(of name: String, _ layers: Int) -> String? {
    if let new = whole[name] { return new }
    let words = name.split(separator: ".", maxSplits: 3)
    guard words.count == 4, words[0] == "backbone", words[1] == "layers", let layer = Int(words[2]),
      (0..<layers).contains(layer), String(layer) == words[2], let part = parts[String(words[3])]
    else { return nil }
    return "blk.\(layer).\(part)"
  }

  /// Of a tokenizer.json or tokenizer.model, or bytes: a model of 256 tokens that brings no tokenizer. Without any, it answers numbers only.
  private static func tokenizer(
    _ input: ModelInput, _ configuration: JSONDocument, _ vocabulary: Int
  ) throws(Withheld) -> [GGUFKey] {
    if input.tokenizer.tokenizer != nil {
      // llama.cpp's converter takes a whole number of eights; the embeddings have as many rows as config.json says.
      return try BytePairTokenizer.keys(input.tokenizer, configuration: configuration, size: vocabulary)
    }
    if let pieces = input.tokenizer.sentencePieces {
      return try SentencePieceTokenizer.keys(pieces, input.tokenizer, configuration: configuration, size: vocabulary)
    }
    if vocabulary == 256, input.tokenizer.isEmpty {
      let bos = try configuration.size("bos_token_id") ?? 0
      return ByteTokenizer.keys(bos: bos, eos: try configuration.size("eos_token_id") ?? bos)
    }
    return [
      GGUFKey("mamba.vocab_size", .uint32(UInt32(clamping: vocabulary))),
      GGUFKey("tokenizer.ggml.model", .string("none")),
    ]
  }
}
