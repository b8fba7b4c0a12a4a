import CMambaKernels

/// One sequence of tokens going through a Mamba: its state (the convolutions' last inputs, and the scans'), the scores of
/// what comes next, and the threads and memory that compute them.
///
/// Feeding a token allocates nothing. A session belongs to one task at a time.
package final class MambaSession {
  private let weights: MambaWeights
  private let team: OpaquePointer
  private let state: UnsafeMutableBufferPointer<Float>
  private let buffer: UnsafeMutableBufferPointer<Float>
  /// Tokens fed so far.
  package private(set) var position = 0

  /// - Parameters:
  ///   - threads: how many compute together, at least 1.
  ///   - instructionSet: an index of `tantra_instruction_set`; the best if nil.
  /// - Throws: `system` if memory or threads are lacking.
  package init(_ weights: MambaWeights, threads: Int = 1, instructionSet: Int? = nil) throws(RuntimeError) {
    guard (1...256).contains(threads) else {
      throw RuntimeError(.usage, "threads: expected 1 to 256, found \(threads)")
    }
    guard let team = tantra_team_create(weights.model, Int32(threads), Int32(instructionSet ?? -1)) else {
      throw RuntimeError(.system, "there is not enough memory, or there are not enough threads, for a session")
    }
    self.weights = weights
    self.team = team
    state = .allocate(capacity: tantra_mamba_state_count(weights.model))
    state.initialize(repeating: 0)
    buffer = .allocate(capacity: weights.configuration.vocabularySize)
    buffer.initialize(repeating: 0)
  }

  deinit {
    tantra_team_destroy(team)
    state.deallocate()
    buffer.deallocate()
  }

  /// Forgets everything fed.
  package func reset() {
    state.update(repeating: 0)
    position = 0
  }

  /// The scores of each token of the vocabulary to come next; valid until the next call.
  package var logits: UnsafeMutableBufferPointer<Float> { buffer }

  /// Feeds one token.
  package func feed(_ token: Int32) throws(RuntimeError) {
    try check(token)
    var token = token
    tantra_mamba_forward(team, weights.model, state.baseAddress, &token, 1, buffer.baseAddress, false)
    position += 1
  }

  /// Feeds tokens in chunks, which is several times faster than one by one; ``logits`` are those after the last.
  ///
  /// - Parameter isStopped: asked before each chunk; true ends it.
  package func prefill(_ tokens: [Int32], isStopped: () -> Bool = { false }) throws(RuntimeError) {
    try chunks(of: tokens) { chunk, isLast in
      guard !isStopped() else { return false }
      tantra_mamba_forward(
        team, weights.model, state.baseAddress, chunk.baseAddress, chunk.count, isLast ? buffer.baseAddress : nil, false
      )
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
        tantra_mamba_forward(
          team, weights.model, state.baseAddress, chunk.baseAddress, chunk.count,
          all.baseAddress.map { $0 + done * vocabulary }, true)
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
