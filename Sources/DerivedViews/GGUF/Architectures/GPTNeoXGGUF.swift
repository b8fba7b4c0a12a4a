import Tensors

/// transformers' `GPTNeoXForCausalLM` as llama.cpp's `gptneox` (conversion/gptneox.py).
enum GPTNeoXGGUF: GGUFArchitecture {
  static let modelTypes = ["gpt_neox"]

  private static let whole = [
    "gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm", "embed_out": "output",
  ]

  private static let parts = [
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "attention.query_key_value": "attn_qkv",
    "attention.dense": "attn_output", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
  ]

  static func model(_ input: ModelInput, _ configuration: JSONDocument) throws(Withheld) -> GGUFModel {
    let keys = try DecoderKeys("gptneox", configuration, input)
    try require("gpt_neox.embed_in.weight", [keys.vocabulary, keys.hidden], in: input)
    let tensors = try keys.tensors(input, prefix: "gpt_neox.layers.", whole: whole, parts: parts) {
      (part, tensor) throws(Withheld) in
      // Query, key and value of each head become all queries, all keys and all values.
      part == "attn_qkv" ? try keys.rows(of: tensor, (keys.heads, 3, keys.hidden / keys.heads), .firstTwo) : .none
    }
    var rotated = try configuration.decimal("rotary_pct")
    if rotated == nil { rotated = try keys.rope.decimal("partial_rotary_factor") }
    let share = rotated ?? 0.25
    guard (0...1).contains(share), let feedForward = try configuration.size("intermediate_size"),
      let context = try configuration.size("max_position_embeddings")
    else {
      throw Withheld("config.json does not say intermediate_size, max_position_embeddings or a possible rotary_pct")
    }
    let own = [
      keys.key("context_length", context), keys.key("embedding_length", keys.hidden),
      keys.key("block_count", keys.layers), keys.key("feed_forward_length", feedForward),
      keys.key("rope.dimension_count", Int(share * Float(keys.hidden / keys.heads))),
      keys.key("attention.head_count", keys.heads),
      keys.key("use_parallel_residual", .bool(configuration["use_parallel_residual"]?.flag ?? true)),
      keys.key("attention.layer_norm_epsilon", .float32(try configuration.decimal("layer_norm_eps") ?? 1e-5)),
      GGUFKey("general.quantization_version", .uint32(2)),
    ]
    return GGUFModel(
      keys: generalKeys("gptneox", input, parameterCount: parameterCount(tensors)) + own
        + (try keys.tokenizer(input, namesVocabulary: false)),
      tensors: tensors)
  }
}
