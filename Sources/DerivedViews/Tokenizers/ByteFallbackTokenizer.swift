/// A SentencePiece model that came as tokenizer.json: BPE over characters, in which those without a token fall back
/// to bytes. llama.cpp's `llama` tokenizer reads it, as far as its converter says it: without scores
/// (`_set_vocab_llama_hf` in conversion/base.py, `LlamaHfVocab` in gguf-py/gguf/vocab.py).
enum ByteFallbackTokenizer {
  /// What every token has.
  private static let score: Float = -1000

  static func reads(_ json: JSONDocument) -> Bool {
    json["model"]?["type"]?.text == "BPE" && json["model"]?["byte_fallback"]?.flag == true
      && json["decoder"]?["type"]?.text == "Sequence"
  }

  /// - Parameter size: tokens that the model has; rows of its embeddings. Too few are filled up.
  /// - Throws: ``Withheld`` if there are more.
  static func keys(
    _ json: JSONDocument, _ files: TokenizerFiles, configuration: JSONDocument, size: Int
  ) throws(Withheld) -> [GGUFKey] {
    var tokens = try TokenList(count: size)
    let special = specialTexts(files)
    for member in json["model"]?["vocab"]?.members ?? [] {
      let kind: TokenList.Kind = isByte(member.name) ? .byte : special.contains(member.name) ? .control : .normal
      try tokens.place(member.value.wholeNumber, Array(member.name.utf8), kind, score: score)
    }
    for token in json["added_tokens"]?.elements ?? [] {
      guard let text = token["content"]?.text else { continue }
      let id = token["id"]?.wholeNumber
      // Those of the vocabulary are there already.
      if let id, tokens.kinds.indices.contains(id), tokens.kinds[id] != .unused { continue }
      try tokens.place(id, Array(text.utf8), special.contains(text) ? .control : .userDefined, score: score)
    }
    return [
      GGUFKey("tokenizer.ggml.model", .string("llama")), GGUFKey("tokenizer.ggml.pre", .string("default")),
    ] + tokens.keys(withScores: true) + SpecialTokens(files, configuration: configuration, count: size).keys
  }

  /// Whether a token stands for a byte: `<0x0A>`.
  static func isByte(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.count == 6 && text.hasPrefix("<0x") && bytes[5] == UInt8(ascii: ">")
      && bytes[3...4].allSatisfy { UnicodeScalar($0).properties.isASCIIHexDigit }
  }

  /// Tokens that control: those that tokenizer_config.json names, in whatever way.
  private static func specialTexts(_ files: TokenizerFiles) -> Set<String> {
    var texts = Set(SpecialTokens.names(files).values)
    // What transformers' class has if nothing else is said.
    if files.configuration?["tokenizer_class"]?.text?.hasPrefix("Llama") == true {
      for (kind, text) in [("bos", "<s>"), ("eos", "</s>"), ("unk", "<unk>")]
      where files.configuration?["\(kind)_token"] == nil { texts.insert(text) }
    }
    for list in ["extra_special_tokens", "additional_special_tokens"] {
      for token in files.configuration?[list]?.elements ?? [] {
        if let text = token.text ?? token["content"]?.text { texts.insert(text) }
      }
    }
    return texts
  }
}
