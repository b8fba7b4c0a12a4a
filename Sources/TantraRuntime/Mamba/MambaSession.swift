import CMambaKernels

/// One sequence of tokens going through a Mamba: its state, the scores of what comes next, and the threads and memory that
/// compute them.
///
/// Feeding a token allocates nothing. A session belongs to one task at a time.
package final class MambaSession {
  private let weights: MambaWeights
  private let team: MambaTeam
  private let buffer: UnsafeMutableBufferPointer<Float>
  /// Tokens fed so far; an image counts as the tokens that it became.
  package private(set) var position = 0

  /// - Parameters:
  ///   - threads: how many compute together, at least 1.
  ///   - instructionSet: an index of `tantra_instruction_set`; the best if nil.
  /// - Throws: `system` if memory or threads are lacking.
  package init(_ weights: MambaWeights, threads: Int = 1, instructionSet: Int? = nil) throws(RuntimeError) {
    self.weights = weights
    team = try MambaTeam(weights.stack, threads: threads, instructionSet: instructionSet)
    buffer = .allocate(capacity: weights.configuration.vocabularySize)
    buffer.initialize(repeating: 0)
  }

  deinit {
    buffer.deallocate()
  }

  /// Forgets everything fed.
  package func reset() {
    team.reset()
    position = 0
  }

  /// The scores of each token of the vocabulary to come next; valid until the next call.
  package var logits: UnsafeMutableBufferPointer<Float> { buffer }

  /// Begins the sequence with an image of the size that the weights take.
  ///
  /// - Throws: `usage` if the model takes none or another size, or anything was fed before.
  package func see(_ image: RasterImage) throws(RuntimeError) {
    guard let vision = weights.vision else {
      throw RuntimeError(.usage, "expected a model that sees images, such as mamba_multimodal, found one of text only")
    }
    guard image.width == vision.size.imageSize, image.height == vision.size.imageSize,
      image.channels == vision.size.channelCount
    else {
      throw RuntimeError(
        .usage,
        "expected an image of \(vision.size.imageSize) x \(vision.size.imageSize) pixels and "
          + "\(vision.size.channelCount) channels, found \(image.width) x \(image.height) and \(image.channels)")
    }
    guard position == 0 else { throw RuntimeError(.usage, "expected the image at the beginning of the sequence") }
    var tokens = vision.tokens(of: image, team)
    tokens.withUnsafeMutableBufferPointer { team.runInTurns(over: $0) }
    position = vision.size.tokenCount
  }

  /// Feeds one token.
  package func feed(_ token: Int32) throws(RuntimeError) {
    try check(token)
    withUnsafePointer(to: token) {
      team.feed(UnsafeBufferPointer(start: $0, count: 1), scores: buffer.baseAddress, all: false)
    }
    position += 1
  }

  /// Feeds tokens in chunks, which is several times faster than one by one; ``logits`` are those after the last.
  ///
  /// - Parameter isStopped: asked before each chunk; true ends it.
  package func prefill(_ tokens: [Int32], isStopped: () -> Bool = { false }) throws(RuntimeError) {
    try chunks(of: tokens) { chunk, isLast in
      guard !isStopped() else { return false }
      team.feed(chunk, scores: isLast ? buffer.baseAddress : nil, all: false)
      return true
    }
  }

  /// Feeds tokens and answers with the scores after each, (tokens, vocabulary).
  package func scores(_ tokens: [Int32]) throws(RuntimeError) -> [Float] {
    let vocabulary = weights.configuration.vocabularySize
    var scores = [Float](repeating: 0, count: tokens.count * vocabulary)
    var done = 0
    try chunks(of: tokens) { chunk, _ in
      scores.withUnsafeMutableBufferPointer { all in
        team.feed(chunk, scores: all.baseAddress.map { $0 + done * vocabulary }, all: true)
      }
      done += chunk.count
      return true
    }
    return scores
  }

  private func chunks(
    of tokens: [Int32], _ body: (UnsafeBufferPointer<Int32>, _ isLast: Bool) -> Bool
  ) throws(RuntimeError) {
    for token in tokens { try check(token) }
    tokens.withUnsafeBufferPointer { all in
      var start = 0
      while start < all.count {
        let end = min(start + TANTRA_CHUNK, all.count)
        guard body(UnsafeBufferPointer(rebasing: all[start..<end]), end == all.count) else { return }
        position += end - start
        start = end
      }
    }
  }

  private func check(_ token: Int32) throws(RuntimeError) {
    guard token >= 0, token < weights.configuration.vocabularySize else {
      throw RuntimeError(
        .badData,
        "expected tokens below \(weights.configuration.vocabularySize), the size of the vocabulary, found \(token)")
    }
  }
}
