/// A WordPiece tokenizer, as BERT has it and llama.cpp's `bert` tokenizer reads it: of tokenizer.json or vocab.txt.
///
/// Keys and their order are those of llama.cpp's converter (`BertModel` in conversion/bert.py).
enum WordPieceTokenizer {
  /// The tokens that BERT's tokenizer has if nothing else is said.
  private static let defaults = [
    "unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]",
  ]

  /// - Parameter size: tokens that the model has; rows of its embeddings. Too few are filled up.
  /// - Throws: ``Withheld`` if there is no WordPiece, or more tokens than the model has.
  static func keys(_ files: TokenizerFiles, configuration: JSONDocument, size: Int) throws(Withheld) -> [GGUFKey] {
    var tokens = try TokenList(count: size)
    for (text, id) in try vocabulary(files) { try tokens.place(id, Array(text.utf8), .normal, of: source(files)) }
    for token in files.tokenizer?["added_tokens"]?.elements ?? [] {
      guard let text = token["content"]?.text else { continue }
      try tokens.placeAdded(token["id"]?.wholeNumber, text, isSpecial: token["special"]?.flag == true)
    }
    let special = Set(defaults.merging(SpecialTokens.names(files)) { _, named in named }.values.map { Array($0.utf8) })
    for id in 0..<size where tokens.kinds[id] == .normal && special.contains(tokens.texts[id]) {
      try tokens.place(id, tokens.texts[id], .control)
    }
    for id in 0..<size where tokens.kinds[id] != .control {
      try tokens.place(id, withSpace(tokens.texts[id]), tokens.kinds[id])
    }
    return [
      GGUFKey("tokenizer.ggml.model", .string("bert")),
      // Only a name: llama.cpp splits text for WordPiece in one way.
      GGUFKey("tokenizer.ggml.pre", .string("bert-bge")),
    ] + tokens.keys(withScores: false) + SpecialTokens(files, configuration: configuration, count: size).keys
  }

  private static func source(_ files: TokenizerFiles) -> String {
    files.tokenizer == nil ? "vocab.txt" : "tokenizer.json"
  }

  private static func vocabulary(_ files: TokenizerFiles) throws(Withheld) -> [(text: String, id: Int?)] {
    guard let json = files.tokenizer else { return try lines(files.words ?? []) }
    guard let model = json["model"], model["type"]?.text == "WordPiece" else {
      throw Withheld("tokenizer.json is of the kind \(json["model"]?["type"]?.text ?? "?"), and WordPiece is expected")
    }
    let prefix = model["continuing_subword_prefix"]?.text ?? continuation
    guard prefix == continuation else {
      throw Withheld("tokenizer.json continues words with \"\(prefix)\", and llama.cpp expects \"\(continuation)\"")
    }
    return (model["vocab"]?.members ?? []).map { ($0.name, $0.value.wholeNumber) }
  }

  /// The lines of a vocab.txt and their numbers; of equal lines the last.
  private static func lines(_ bytes: [UInt8]) throws(Withheld) -> [(text: String, id: Int?)] {
    var ids: [[UInt8]: Int] = [:]
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    for (number, line) in lines.enumerated() {
      ids[Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)] = number
    }
    var tokens: [(text: String, id: Int?)] = []
    for (line, number) in ids {
      guard let text = String(validating: line, as: UTF8.self) else { throw Withheld("vocab.txt is not UTF-8") }
      tokens.append((text, number))
    }
    return tokens
  }

  private static let continuation = "##"

  /// What begins a word begins with a space (U+2581), and what continues one with nothing; in WordPiece's vocabularies
  /// what continues a word has the mark.
  private static func withSpace(_ text: [UInt8]) -> [UInt8] {
    text.starts(with: continuation.utf8)
      ? Array(text.dropFirst(continuation.utf8.count)) : Array("\u{2581}".utf8) + text
  }
}
