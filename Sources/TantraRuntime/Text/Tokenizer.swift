/// Text to tokens and back.
package protocol Tokenizer: Sendable {
  /// How many tokens there are: the largest number plus one.
  var vocabularySize: Int { get }

  /// The tokens of `text`.
  func encode(_ text: String) -> [Int32]

  /// The bytes that a token stands for; parts of a character perhaps, and none for special tokens.
  func bytes(of token: Int32) -> [UInt8]
}

/// Token n is byte n; what is beyond 255 stands for nothing.
package struct ByteTokenizer: Tokenizer {
  package init() {}
  package var vocabularySize: Int { 256 }
  package func encode(_ text: String) -> [Int32] { text.utf8.map(Int32.init) }
  package func bytes(of token: Int32) -> [UInt8] { UInt8(exactly: token).map { [$0] } ?? [] }
}
