/// A byte-level BPE tokenizer of tokenizer.json, as llama.cpp's `gpt2` tokenizer reads it.
///
/// Keys and their order are those of llama.cpp's converter (conversion/base.py, gguf-py/gguf/vocab.py).
enum BytePairTokenizer {
  /// What llama.cpp calls the expression that splits a text before pairs are merged.
  private static let splits = [
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      "llama-bpe",
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      "qwen2",
  ]

  /// - Parameter size: tokens that the model has; rows of its embeddings.
  /// - Throws: ``Withheld`` if llama.cpp has no such tokenizer.
  static func keys(_ files: TokenizerFiles, configuration: JSONDocument, size: Int) throws(Withheld) -> [GGUFKey] {
    guard let json = files.tokenizer, let model = json["model"] else { throw Withheld("tokenizer.json has no model") }
    guard model["type"]?.text == "BPE" || model["type"] == nil && model["merges"] != nil else {
      throw Withheld("tokenizer.json is of the kind \(model["type"]?.text ?? "?"), and BPE is expected")
    }
    let split = try split(of: json)
    let tokens = try tokens(of: json, model, size: size)
    var keys = [
      GGUFKey("tokenizer.ggml.model", .string("gpt2")), GGUFKey("tokenizer.ggml.pre", .string(split)),
    ]
    keys += tokens.keys(withScores: false)
    let merges = try merges(of: model)
    if !merges.isEmpty { keys.append(GGUFKey("tokenizer.ggml.merges", .strings(merges))) }
    return keys + SpecialTokens(files, configuration: configuration).keys
  }

  /// - Throws: ``Withheld`` for an expression that llama.cpp does not know.
  private static func split(of json: JSONDocument) throws(Withheld) -> String {
    let outer = json["pre_tokenizer"]
    let steps = outer?["pretokenizers"]?.elements ?? [outer].compactMap(\.self)
    guard steps.contains(where: { $0["type"]?.text == "ByteLevel" }) else {
      throw Withheld("tokenizer.json does not begin with bytes (ByteLevel), which llama.cpp's BPE does")
    }
    if steps.count == 1, steps[0]["use_regex"]?.flag != false { return "gpt-2" }
    let expression = steps.first { $0["type"]?.text == "Split" }?["pattern"]?["Regex"]?.text
    guard steps.count == 2, let expression, let name = splits[expression] else {
      throw Withheld("tokenizer.json splits text in a way that llama.cpp has no name for")
    }
    return name
  }

  private static func tokens(
    of json: JSONDocument, _ model: JSONDocument, size: Int
  ) throws(Withheld) -> TokenList {
    var tokens = try TokenList(count: size)
    for member in model["vocab"]?.members ?? [] {
      try tokens.place(member.value.wholeNumber, Array(member.name.utf8), .normal)
    }
    for token in json["added_tokens"]?.elements ?? [] {
      guard let text = token["content"]?.text else { continue }
      try tokens.placeAdded(token["id"]?.wholeNumber, text, isSpecial: token["special"]?.flag == true)
    }
    return tokens
  }

  /// A part of a pair, with spaces as they are in the vocabulary.
  private static func bytes(of part: String) -> [UInt8] {
    guard part.utf8.contains(UInt8(ascii: " ")) else { return Array(part.utf8) }
    return part.utf8.flatMap { $0 == UInt8(ascii: " ") ? Array("\u{0120}".utf8) : [$0] }
  }

  /// `a b` for each pair; newer files have pairs, in which a space is written as in the vocabulary.
  private static func merges(of model: JSONDocument) throws(Withheld) -> [[UInt8]] {
    var merges: [[UInt8]] = []
    for merge in model["merges"]?.elements ?? [] {
      if let text = merge.text {
        merges.append(Array(text.utf8))
      } else if let pair = merge.elements, pair.count == 2, let left = pair[0].text, let right = pair[1].text {
        merges.append(bytes(of: left) + [UInt8(ascii: " ")] + bytes(of: right))
      } else {
        throw Withheld("tokenizer.json has a merge that is no pair")
      }
    }
    return merges
  }
}
