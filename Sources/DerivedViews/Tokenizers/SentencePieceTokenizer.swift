/// A tokenizer.model of SentencePiece, as llama.cpp's `llama` tokenizer reads it.
///
/// Keys, their order, and what overrides what are as in llama.cpp's converter (`_set_vocab_sentencepiece` in conversion/base.py).
enum SentencePieceTokenizer {
  /// What tokens have that were added to the pieces.
  private static let addedScore: Float = -1000

  /// - Parameters:
  ///   - bytes: of tokenizer.model.
  ///   - size: tokens that the model has; rows of its embeddings. Pieces beyond are left out, too few are filled up.
  /// - Throws: ``Withheld`` if the file is no model of SentencePiece, or those beside it do not say what they should.
  static func keys(
    _ bytes: [UInt8], _ files: TokenizerFiles, configuration: JSONDocument, size: Int
  ) throws(Withheld) -> [GGUFKey] {
    var tokens = try TokenList(count: size)
    for (id, piece) in try SentencePieceModel(parsing: bytes).pieces.prefix(size).enumerated() {
      // As in the converter, a piece that a user defined is as good as any other.
      let kind = piece.kind == .userDefined ? .normal : piece.kind
      try tokens.place(id, piece.text, kind, score: piece.score, of: SentencePieceModel.name)
    }
    if let added = files.addedTokens { try place(added, in: &tokens) }
    if let decoder = files.configuration?["added_tokens_decoder"] { try place(decoder, in: &tokens) }
    return [
      GGUFKey("tokenizer.ggml.model", .string("llama")), GGUFKey("tokenizer.ggml.pre", .string("default")),
    ] + tokens.keys(withScores: true) + SpecialTokens(files, configuration: configuration, count: size).keys
  }

  /// Places the tokens of an added_tokens.json: numbers by texts.
  private static func place(_ bytes: [UInt8], in tokens: inout TokenList) throws(Withheld) {
    let name = "added_tokens.json"
    guard let members = try JSONDocument(parsing: bytes, of: name).members else {
      throw Withheld("\(name) is no object")
    }
    for member in members {
      guard let id = member.value.wholeNumber, id >= 0 else { throw Withheld("\(name) has a number that no token has") }
      guard id < tokens.count else { continue }
      try tokens.place(id, Array(member.name.utf8), .userDefined, score: addedScore, of: name)
    }
  }

  /// Places those of tokenizer_config.json: tokens by numbers.
  private static func place(_ decoder: JSONDocument, in tokens: inout TokenList) throws(Withheld) {
    let name = "tokenizer_config.json"
    guard let members = decoder.members else { throw Withheld("\(name): added_tokens_decoder is no object") }
    for member in members {
      guard let id = Int(member.name), id >= 0, let text = member.value["content"]?.text else {
        throw Withheld("\(name): added_tokens_decoder has something else than a number and a token")
      }
      guard id < tokens.count else { continue }
      try tokens.placeAdded(
        id, text, isSpecial: member.value["special"]?.flag == true, score: addedScore, of: name)
    }
  }
}
