/// The files that say how text becomes tokens; nil for those that a version does not have.
struct TokenizerFiles: Sendable {
  var tokenizer: JSONDocument?
  var configuration: JSONDocument?
  /// chat_template.jinja
  var chatTemplate: String?
  /// Whether there is a tokenizer that is not read here: tokenizer.model, vocab.json with merges.txt, and the like.
  var hasOthers = false

  /// What is read of a version: names in its own folder.
  static let names = ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]
  /// Names of tokenizers of other kinds.
  static let otherNames = ["tokenizer.model", "vocab.json", "vocab.txt", "tekken.json", "spiece.model"]
}
