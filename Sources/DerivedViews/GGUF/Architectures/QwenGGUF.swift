import Tensors

/// transformers' `Qwen2ForCausalLM` as llama.cpp's `qwen2` (conversion/qwen.py): names and keys only.
enum Qwen2GGUF: GGUFArchitecture {
  static let modelTypes = ["qwen2"]

  static func model(_ input: ModelInput, _ configuration: JSONDocument) throws(Withheld) -> GGUFModel {
    try model(input, configuration, "qwen2")
  }

  static func model(
    _ input: ModelInput, _ configuration: JSONDocument, _ architecture: String
  ) throws(Withheld) -> GGUFModel {
    let keys = try DecoderKeys(architecture, configuration, input)
    try require("model.embed_tokens.weight", [keys.vocabulary, keys.hidden], in: input)
    guard keys.ropeType != "llama3" else { throw Withheld("positions are scaled as only a Llama's are") }
    let tensors = try keys.tensors(input, prefix: LlamaNames.prefix, whole: LlamaNames.whole, parts: LlamaNames.parts) {
      (_, _) in .none
    }
    return GGUFModel(
      keys: generalKeys(architecture, input, parameterCount: parameterCount(tensors)) + (try keys.common()) + [
        GGUFKey("general.quantization_version", .uint32(2))
      ] + (try keys.tokenizer(input, namesVocabulary: false, hasPieces: true)),
      tensors: tensors)
  }
}

/// transformers' `Qwen3ForCausalLM` as llama.cpp's `qwen3`: as Qwen2, with norms of queries and keys.
enum Qwen3GGUF: GGUFArchitecture {
  static let modelTypes = ["qwen3"]

  static func model(_ input: ModelInput, _ configuration: JSONDocument) throws(Withheld) -> GGUFModel {
    try Qwen2GGUF.model(input, configuration, "qwen3")
  }
}
