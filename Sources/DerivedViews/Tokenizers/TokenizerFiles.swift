/// The files that say how text becomes tokens; nil for those that a version does not have.
struct TokenizerFiles: Sendable {
  var tokenizer: JSONDocument?
  var configuration: JSONDocument?
  /// chat_template.jinja
  var chatTemplate: String?
  /// Bytes of tokenizer.model, which is SentencePiece's.
  var sentencePieces: [UInt8]?
  /// Bytes of added_tokens.json, which belongs to tokenizer.model.
  var addedTokens: [UInt8]?
  /// Bytes of vocab.txt: a token of WordPiece in each line.
  var words: [UInt8]?
  /// Names of tokenizers that are there, and are not read here: vocab.json with merges.txt, and the like.
  var others: [String] = []

  /// What is read of a version: names in its own folder.
  static let names = [
    "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "tokenizer.model", "added_tokens.json",
    "vocab.txt",
  ]
  /// Names of tokenizers of other kinds.
  static let otherNames = ["vocab.json", "tekken.json", "spiece.model"]

  /// Whether there is none of any kind.
  var isEmpty: Bool { tokenizer == nil && sentencePieces == nil && words == nil && others.isEmpty }
}
