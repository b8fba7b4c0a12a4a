/// Reads lines, one after the other. A session belongs to one task at a time.
package final class OcrSession {
  private let weights: OcrWeights
  private let team: MambaTeam

  /// - Throws: `system` if memory or threads are lacking.
  package init(_ weights: OcrWeights, threads: Int = 1, instructionSet: Int? = nil) throws(RuntimeError) {
    self.weights = weights
    team = try MambaTeam(weights.stack, threads: threads, instructionSet: instructionSet)
  }

  /// The scores of each class at each step, (steps, classes).
  ///
  /// - Throws: `usage` for an image of another height than the model's.
  package func scores(of image: LineImage) throws(RuntimeError) -> [Float] {
    guard image.height == weights.configuration.imageHeight else {
      throw RuntimeError(
        .usage, "expected a line of \(weights.configuration.imageHeight) rows, found \(image.height)")
    }
    team.reset()
    var steps = weights.steps(of: image, team)
    let count = steps.count / weights.configuration.layers.hiddenSize
    var scores = [Float](repeating: 0, count: count * weights.configuration.classCount)
    steps.withUnsafeMutableBufferPointer { steps in
      team.runInTurns(over: steps)
      scores.withUnsafeMutableBufferPointer { team.score(steps, into: $0) }
    }
    return scores
  }

  /// What a line says.
  package func read(_ image: LineImage) throws(RuntimeError) -> [CTCDecoder.Symbol] {
    CTCDecoder.bestPath(try scores(of: image), classes: weights.configuration.classCount)
  }
}
