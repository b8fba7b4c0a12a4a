import FoundationEssentials

/// What tokenizer.json says, as far as byte-level BPE is concerned (the format of Hugging Face's tokenizers).
struct TokenizerFile: Decodable {
  struct AddedToken: Decodable {
    var id: Int
    var content: String
    var special: Bool?
    var lstrip: Bool?
    var rstrip: Bool?
    var single_word: Bool?  // the format's name
  }

  /// A normalizer, pre-tokenizer or decoder, or a sequence of them.
  struct Step: Decodable {
    var type: String
    var add_prefix_space: Bool?
    var use_regex: Bool?
    var normalizers: [Step]?
    var pretokenizers: [Step]?

    /// The steps, sequences taken apart.
    var all: [Step] { (normalizers ?? pretokenizers).map { $0.flatMap(\.all) } ?? [self] }
  }

  struct Model: Decodable {
    var type: String?
    var vocab: [String: Int]
    var merges: [Merge]
    var byte_fallback: Bool?
    var ignore_merges: Bool?
    var continuing_subword_prefix: String?
    var end_of_word_suffix: String?
    var dropout: Double?
  }

  /// `"a b"` in older files, `["a", "b"]` in newer ones.
  struct Merge: Decodable {
    var left: String
    var right: String

    init(from decoder: any Decoder) throws {
      let parts: [String]
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      } else {
        parts = try container.decode([String].self)
      }
      guard parts.count == 2 else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected two parts of a merge")
      }
      (left, right) = (parts[0], parts[1])
    }
  }

  var added_tokens: [AddedToken]?
  var normalizer: Step?
  var pre_tokenizer: Step?
  var decoder: Step?
  var model: Model

  /// Why the file asks for something else than byte-level BPE as GPT-NeoX uses it; nil if it does not.
  var unsupported: String? {
    if let type = model.type, type != "BPE" { return "model.type: expected \"BPE\", found \"\(type)\"" }
    if model.byte_fallback == true { return "model.byte_fallback is not supported" }
    if model.ignore_merges == true { return "model.ignore_merges is not supported" }
    if let dropout = model.dropout, dropout != 0 { return "model.dropout is not supported" }
    if !(model.continuing_subword_prefix ?? "").isEmpty || !(model.end_of_word_suffix ?? "").isEmpty {
      return "model.continuing_subword_prefix and model.end_of_word_suffix are not supported"
    }
    for step in normalizer?.all ?? [] where step.type != "NFC" {
      return "normalizer: expected none or \"NFC\", found \"\(step.type)\""
    }
    guard let steps = pre_tokenizer?.all, steps.count == 1, steps[0].type == "ByteLevel" else {
      return "pre_tokenizer: expected \"ByteLevel\""
    }
    for token in added_tokens ?? [] where token.lstrip == true || token.rstrip == true || token.single_word == true {
      return "added_tokens: lstrip, rstrip and single_word are not supported"
    }
    return nil
  }
}
