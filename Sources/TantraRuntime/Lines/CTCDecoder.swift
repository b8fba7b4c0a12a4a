import Glibc

/// From the scores of each step to what was written: the best path of connectionist temporal classification (Graves et al.,
/// 2006).
package enum CTCDecoder {
  /// A character that was read.
  package struct Symbol: Sendable, Hashable {
    /// The class; never 0, the blank.
    package var index: Int
    /// The steps at which it is the best class.
    package var steps: Range<Int>
    /// Its largest probability among these steps.
    package var confidence: Float
  }

  /// The best class of each step; a class counts once for as long as it stays, and blanks separate.
  ///
  /// - Parameter scores: (steps, classes), before the softmax.
  package static func bestPath(_ scores: [Float], classes: Int) -> [Symbol] {
    var symbols: [Symbol] = []
    var last = 0
    for step in 0..<scores.count / classes {
      let row = scores[step * classes..<(step + 1) * classes]
      var best = row.startIndex
      for index in row.indices where row[index] > row[best] { best = index }
      let largest = row[best]
      let probability = 1 / row.reduce(Float(0)) { $0 + expf($1 - largest) }
      let index = best - row.startIndex
      if index != 0, index == last, let previous = symbols.last {
        symbols[symbols.count - 1].steps = previous.steps.lowerBound..<step + 1
        symbols[symbols.count - 1].confidence = max(previous.confidence, probability)
      } else if index != 0 {
        symbols.append(Symbol(index: index, steps: step..<step + 1, confidence: probability))
      }
      last = index
    }
    return symbols
  }
}
