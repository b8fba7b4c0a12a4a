import Glibc
import Tensors

/// The names that llama's relatives share.
enum LlamaNames {
  static let prefix = "model.layers."

  static let whole = ["model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"]

  static let parts = [
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
  ]
}

/// transformers' `LlamaForCausalLM` and `MistralForCausalLM` as llama.cpp's `llama` (conversion/llama.py).
enum LlamaGGUF: GGUFArchitecture {
  static let modelTypes = ["llama", "mistral"]

  static func model(_ input: ModelInput, _ configuration: JSONDocument) throws(Withheld) -> GGUFModel {
    let keys = try DecoderKeys("llama", configuration, input)
    try require("model.embed_tokens.weight", [keys.vocabulary, keys.hidden], in: input)
    let groups = try configuration.size("num_key_value_heads") ?? keys.heads
    let tensors = try keys.tensors(input, prefix: LlamaNames.prefix, whole: LlamaNames.whole, parts: LlamaNames.parts) {
      (part, tensor) throws(Withheld) in
      // The halves of each head become pairs.
      switch part {
      case "attn_q": try keys.rows(of: tensor, halves(of: tensor, keys.heads), .lastTwo)
      case "attn_k": try keys.rows(of: tensor, halves(of: tensor, groups), .lastTwo)
      default: .none
      }
    }
    let all = try frequencies(keys) + tensors
    let own = [keys.key("vocab_size", keys.vocabulary), keys.key("rope.dimension_count", try keys.headSize)]
    return GGUFModel(
      keys: generalKeys("llama", input, parameterCount: parameterCount(all)) + (try keys.common()) + own + [
        GGUFKey("general.quantization_version", .uint32(2))
      ] + (try tokenizer(keys, input)),
      tensors: all)
  }

  /// Keys as the converter has them (`LlamaModel.set_vocab`): of tokenizer.model, of a tokenizer.json that was made of
  /// one, or of another tokenizer.json.
  private static func tokenizer(_ keys: DecoderKeys, _ input: ModelInput) throws(Withheld) -> [GGUFKey] {
    let files = input.tokenizer
    if files.tokenizer == nil, files.others.contains("tekken.json") {
      throw Withheld("its tokenizer is tekken.json, which is not known here")
    }
    var all: [GGUFKey] = []
    if let space = files.configuration?["add_prefix_space"], !space.isNull, !files.isEmpty {
      guard let flag = space.flag else { throw Withheld("tokenizer_config.json: add_prefix_space is no flag") }
      all.append(GGUFKey("tokenizer.ggml.add_space_prefix", .bool(flag)))
    }
    if files.sentencePieces == nil, let json = files.tokenizer, ByteFallbackTokenizer.reads(json) {
      all += try ByteFallbackTokenizer.keys(
        json, files, configuration: keys.configuration, size: keys.vocabulary)
    } else {
      all += try keys.tokenizer(input, namesVocabulary: true, hasPieces: true)
    }
    // Models that the converter knows by their number of tokens: Code Llama, and small Granites.
    func set(_ key: GGUFKey) {
      guard let index = all.firstIndex(where: { $0.name == key.name }) else { return all.append(key) }
      all[index] = key
    }
    switch keys.vocabulary {
    case 32_016 where !files.isEmpty: set(GGUFKey("tokenizer.ggml.eot_token_id", .uint32(32_010)))
    case 49_152 where !files.isEmpty: set(GGUFKey("tokenizer.ggml.add_bos_token", .bool(false)))
    default: break
    }
    return all
  }

  private static func halves(of tensor: TensorDescriptor, _ heads: Int) -> (Int, Int, Int) {
    (heads, 2, (tensor.shape.dimensions.first ?? 0) / max(1, heads) / 2)
  }

  /// What each frequency of positions is divided by, where they are scaled as Llama 3.1's are.
  private static func frequencies(_ keys: DecoderKeys) throws(Withheld) -> [GGUFModel.Tensor] {
    guard keys.ropeType == "llama3" else { return [] }
    let rope = keys.rope
    let size = try keys.headSize
    let base = try keys.ropeBase() ?? 10_000
    let factor = try rope.decimal("factor") ?? 8
    let (low, high) = (try rope.decimal("low_freq_factor") ?? 1, try rope.decimal("high_freq_factor") ?? 4)
    let context = Float(try rope.size("original_max_position_embeddings") ?? 8192)
    guard low > 0, high > low, factor > 0, size <= 1 << 16 else {
      throw Withheld("config.json: rope_parameters scale positions in a way that no Llama does")
    }
    let factors = stride(from: 0, to: size, by: 2).map { index -> Float in
      let frequency = 1 / Float(pow(Double(base), Double(Float(index) / Float(size))))
      let length = Float(2 * Double.pi) / frequency
      if length < context / high { return 1 }
      if length > context / low { return factor }
      let smooth = (context / length - low) / (high - low)
      return 1 / ((1 - smooth) / factor + smooth)
    }
    return [
      GGUFModel.Tensor(name: "rope_freqs.weight", source: 0, shape: [factors.count], change: .literal(factors))
    ]
  }
}
