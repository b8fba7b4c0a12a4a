import Glibc

/// Chooses tokens by their scores. Its memory is taken once.
struct Sampler {
  private let options: SamplingOptions
  private var generator: SplitMix64
  private var hasOccurred: [Bool]
  private var candidates: [Int32] = []
  private var weights: [Float] = []

  init(_ options: SamplingOptions, vocabularySize: Int) {
    self.options = options
    generator = SplitMix64(state: options.seed ?? UInt64.random(in: .min ... .max))
    hasOccurred = [Bool](repeating: false, count: vocabularySize)
    if options.temperature > 0 {
      candidates.reserveCapacity(vocabularySize)
      weights.reserveCapacity(vocabularySize)
    }
  }

  /// Remembers that `token` occurred, for the repetition penalty.
  mutating func note(_ token: Int32) {
    if hasOccurred.indices.contains(Int(token)) { hasOccurred[Int(token)] = true }
  }

  /// The next token; changes the scores.
  ///
  /// - Throws: `badData` if a score is not a number.
  mutating func choose(_ scores: UnsafeMutableBufferPointer<Float>) throws(RuntimeError) -> Int32 {
    if options.repetitionPenalty != 1 {
      for index in scores.indices where hasOccurred[index] {
        scores[index] *= scores[index] > 0 ? 1 / options.repetitionPenalty : options.repetitionPenalty
      }
    }
    var best = 0
    var isFinite = true
    for index in scores.indices {
      if scores[index] > scores[best] { best = index }
      isFinite = isFinite && scores[index].isFinite
    }
    guard isFinite else {
      throw RuntimeError(.badData, "the model's scores are not numbers: the weights are unusable")
    }
    guard options.temperature > 0 else { return Int32(best) }

    candidates.removeAll(keepingCapacity: true)
    for index in scores.indices { candidates.append(Int32(index)) }
    let isLimited = options.topP < 1 || (options.topK ?? scores.count) < scores.count
    if isLimited {
      candidates.sort { a, b in scores[Int(a)] != scores[Int(b)] ? scores[Int(a)] > scores[Int(b)] : a < b }
      if let topK = options.topK, topK < candidates.count { candidates.removeLast(candidates.count - topK) }
    }
    let largest = scores[best]
    weights.removeAll(keepingCapacity: true)
    var total: Float = 0
    for token in candidates {
      let weight = expf((scores[Int(token)] - largest) / options.temperature)
      weights.append(weight)
      total += weight
    }
    if options.topP < 1 {
      var kept: Float = 0
      var count = 0
      while count < weights.count, kept < options.topP * total {
        kept += weights[count]
        count += 1
      }
      candidates.removeLast(candidates.count - max(count, 1))
      weights.removeLast(weights.count - max(count, 1))
      total = weights.reduce(0, +)
    }
    var rest = Float(generator.nextUniform()) * total
    for (token, weight) in zip(candidates, weights) {
      rest -= weight
      if rest < 0 { return token }
    }
    return candidates.last ?? Int32(best)
  }
}
