/// The tokens of a vocabulary by their numbers: as many as the model's embeddings have rows.
struct TokenList: Sendable, Hashable {
  /// What a token is for, by the number that llama.cpp and SentencePiece have for it.
  enum Kind: Int32, Sendable {
    case normal = 1
    case unknown
    case control
    case userDefined
    case unused
    case byte
  }

  /// Tokens that a tokenizer may have.
  static let limit = 1 << 22

  private(set) var texts: [[UInt8]]
  private(set) var kinds: [Kind]
  /// How much a token is liked when a text can be split in several ways.
  private(set) var scores: [Float]

  /// Holes only: tokens that nobody uses.
  ///
  /// - Throws: ``Withheld`` for more tokens than any tokenizer has.
  init(count: Int) throws(Withheld) {
    guard count <= Self.limit else { throw Withheld("config.json: vocab_size is more than \(Self.limit)") }
    texts = (0..<count).map { Array("[PAD\($0)]".utf8) }
    kinds = Array(repeating: .unused, count: count)
    scores = Array(repeating: -10_000, count: count)
  }

  var count: Int { texts.count }

  /// Puts a token where there is room for it.
  ///
  /// - Parameter file: that has the token, for the message.
  /// - Throws: ``Withheld`` if there is no such place.
  mutating func place(
    _ id: Int?, _ text: [UInt8], _ kind: Kind, score: Float = 0, of file: String = "tokenizer.json"
  ) throws(Withheld) {
    guard let id, texts.indices.contains(id) else {
      throw Withheld(
        "\(file) has a token \"\(String(decoding: text.prefix(100), as: UTF8.self))\" beyond the \(texts.count) of "
          + "config.json's vocab_size")
    }
    texts[id] = text
    kinds[id] = kind
    scores[id] = score
  }

  /// Puts a token that was added to a vocabulary: one that controls, or one of a user, in which a space is a space.
  mutating func placeAdded(
    _ id: Int?, _ text: String, isSpecial: Bool, score: Float = 0, of file: String = "tokenizer.json"
  ) throws(Withheld) {
    if isSpecial || Self.looksSpecial(text) {
      try place(id, Array(text.utf8), .control, score: score, of: file)
    } else {
      try place(id, Array(Self.withSpaces(text).utf8), .userDefined, score: score, of: file)
    }
  }

  private static func withSpaces(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars { result.unicodeScalars.append(scalar == "\u{2581}" ? " " : scalar) }
    return result
  }

  /// Some models do not mark tokens as special that are.
  private static func looksSpecial(_ text: String) -> Bool {
    ["<pad>", "<mask>", "<2mass>", "[@BOS@]"].contains(text) || text.hasPrefix("<|") && text.hasSuffix("|>")
      || text.hasPrefix("<｜") && text.hasSuffix("｜>") || text.hasPrefix("<unused") && text.hasSuffix(">")
  }

  /// `tokenizer.ggml.tokens`, with the scores if they count, and the kinds.
  func keys(withScores: Bool) -> [GGUFKey] {
    var keys = [GGUFKey("tokenizer.ggml.tokens", .strings(texts))]
    if withScores { keys.append(GGUFKey("tokenizer.ggml.scores", .float32s(scores))) }
    return keys + [GGUFKey("tokenizer.ggml.token_type", .int32s(kinds.map(\.rawValue)))]
  }
}
