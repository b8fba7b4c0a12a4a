import TantraRuntime

/// What a generated text is, and what it took.
struct GenerationReport: Encodable {
  var text: String
  var ending: TextGeneration.Ending?
  var weights: String
  var weightBytes: Int
  var copiedBytes: Int
  var promptTokens: Int
  var tokens: Int
  var openMilliseconds: Double
  var mapMilliseconds: Double
  var prepareMilliseconds: Double
  var imageMilliseconds: Double?
  var firstTokenMilliseconds: Double
  var promptTokensPerSecond: Double
  var tokensPerSecond: Double?

  /// - Parameter weights: how to speak of the weight file.
  init(_ generation: TextGeneration, _ text: String, weights: String) {
    func milliseconds(_ duration: Duration) -> Double { (duration / .microseconds(1)).rounded() / 1000 }
    func rate(_ count: Int, _ duration: Duration) -> Double? {
      count > 0 && duration > .zero ? (Double(count) / (duration / .seconds(1)) * 10).rounded() / 10 : nil
    }
    let statistics = generation.statistics
    let model = generation.model
    self.text = text
    ending = generation.ending
    self.weights = weights
    weightBytes = model.weights.byteCount
    copiedBytes = model.weights.copiedByteCount
    promptTokens = statistics.promptTokens
    tokens = statistics.tokens
    openMilliseconds = milliseconds(model.times.open)
    mapMilliseconds = milliseconds(model.times.map)
    prepareMilliseconds = milliseconds(model.times.prepare)
    imageMilliseconds = statistics.seeing > .zero ? milliseconds(statistics.seeing) : nil
    firstTokenMilliseconds = milliseconds(statistics.firstToken)
    promptTokensPerSecond = rate(statistics.promptTokens, statistics.prefill) ?? 0
    tokensPerSecond = rate(statistics.tokens - 1, statistics.decoding)
  }

  /// For people.
  var lines: String {
    """
    weights      \(weights), \(Console.size(weightBytes)) mapped, \(Console.size(copiedBytes)) of them arranged anew
    open         \(openMilliseconds) ms
    map          \(mapMilliseconds) ms
    prepare      \(prepareMilliseconds) ms\(imageMilliseconds.map { "\nimage        \($0) ms" } ?? "")
    first token  \(firstTokenMilliseconds) ms
    prompt       \(promptTokens) tokens, \(promptTokensPerSecond) a second
    text         \(tokens) tokens\(tokensPerSecond.map { ", \($0) a second" } ?? "")
    """
  }
}
