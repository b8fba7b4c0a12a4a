/// How the next token is chosen, and when a text ends. The order of the steps and their meaning are transformers'.
package struct SamplingOptions: Sendable, Hashable {
  /// 0 takes the best token each time; otherwise scores are divided by it.
  package var temperature: Float = 0
  /// Only the best that many tokens are drawn from; all if nil.
  package var topK: Int?
  /// Only the fewest best tokens whose probabilities reach this sum are drawn from.
  package var topP: Float = 1
  /// Scores of tokens that occurred are divided by it if positive, else multiplied.
  package var repetitionPenalty: Float = 1
  /// The same seed, prompt and weights give the same text; chosen at random if nil.
  package var seed: UInt64?
  /// The text ends before the first of these.
  package var stopStrings: [String] = []
  /// The most tokens that are generated.
  package var maximumTokens = 256

  package init() {}

  /// - Throws: `usage`, naming the option that is out of range.
  package func validate() throws(RuntimeError) {
    func fail(_ text: String) throws(RuntimeError) -> Never { throw RuntimeError(.usage, text) }
    if !temperature.isFinite || temperature < 0 {
      try fail("temperature: expected a number from 0 up, found \(temperature)")
    }
    if let topK, topK < 1 { try fail("top-k: expected a number from 1 up, found \(topK)") }
    if !(topP > 0 && topP <= 1) { try fail("top-p: expected a number above 0 and at most 1, found \(topP)") }
    if !repetitionPenalty.isFinite || repetitionPenalty <= 0 {
      try fail("repetition penalty: expected a number above 0, found \(repetitionPenalty)")
    }
    if stopStrings.contains("") { try fail("stop: expected a text, found an empty one") }
    if maximumTokens < 0 { try fail("max tokens: expected a number from 0 up, found \(maximumTokens)") }
  }
}
