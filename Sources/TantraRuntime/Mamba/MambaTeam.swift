import CMambaKernels

/// Threads that compute one sequence of a stack together, their memory, and the sequence's state: the convolutions' last
/// inputs, and the scans'.
///
/// Computing allocates nothing. A team belongs to one task at a time.
final class MambaTeam {
  /// What is computed.
  let stack: MambaStack
  private let team: OpaquePointer
  private let state: UnsafeMutableBufferPointer<Float>

  /// - Parameters:
  ///   - threads: how many compute together, at least 1.
  ///   - instructionSet: an index of `tantra_instruction_set`; the best if nil.
  /// - Throws: `system` if memory or threads are lacking.
  init(_ stack: MambaStack, threads: Int = 1, instructionSet: Int? = nil) throws(RuntimeError) {
    guard (1...256).contains(threads) else {
      throw RuntimeError(.usage, "threads: expected 1 to 256, found \(threads)")
    }
    guard let team = tantra_team_create(stack.model, Int32(threads), Int32(instructionSet ?? -1)) else {
      throw RuntimeError(.system, "there is not enough memory, or there are not enough threads, for a session")
    }
    self.stack = stack
    self.team = team
    state = .allocate(capacity: tantra_mamba_state_count(stack.model))
    state.initialize(repeating: 0)
  }

  deinit {
    tantra_team_destroy(team)
    state.deallocate()
  }

  /// Forgets the sequence.
  func reset() { state.update(repeating: 0) }

  /// Feeds 1 to `TANTRA_CHUNK` tokens, which must be rows of the embeddings.
  ///
  /// - Parameters:
  ///   - scores: receives the scores after the last token, or after each if `all`; nothing is scored if nil.
  func feed(_ tokens: UnsafeBufferPointer<Int32>, scores: UnsafeMutablePointer<Float>?, all: Bool) {
    tantra_mamba_forward(team, stack.model, state.baseAddress, tokens.baseAddress, tokens.count, scores, all)
  }

  /// Runs all layers over rows (count, hidden) in place; odd layers read them from the last to the first.
  func runInTurns(over rows: UnsafeMutableBufferPointer<Float>) {
    for layer in 0..<stack.dimensions.count {
      if layer % 2 == 1 { reverse(rows) }
      chunks(of: rows) { tantra_mamba_layer(team, stack.model, state.baseAddress, layer, $0, $1) }
      if layer % 2 == 1 { reverse(rows) }
    }
  }

  /// The scores of rows (count, hidden) that came out of the last layer.
  func score(_ rows: UnsafeMutableBufferPointer<Float>, into scores: UnsafeMutableBufferPointer<Float>) {
    let width = stack.model.pointee.head.rows
    precondition(scores.count == rows.count / stack.dimensions.hiddenSize * width)
    var done = 0
    chunks(of: rows) { chunk, count in
      tantra_mamba_score(team, stack.model, chunk, count, scores.baseAddress.map { $0 + done * width })
      done += count
    }
  }

  /// Runs a stage of convolution over a map.
  func run(_ stage: ConvolutionStage, over map: FeatureMap) -> FeatureMap {
    stage.run(over: map) { stage, input, output in
      tantra_stage_forward(team, stage, input, map.rows, map.columns, output)
    }
  }

  /// x (count, matrix's columns) times the matrix, plus the bias.
  func project(_ x: [Float], by matrix: tantra_matrix, bias: UnsafePointer<Float>?) -> [Float] {
    let count = x.count / matrix.columns
    return [Float](unsafeUninitializedCapacity: count * matrix.rows) { buffer, initialized in
      withUnsafePointer(to: matrix) { tantra_linear(team, $0, bias, x, count, buffer.baseAddress) }
      initialized = count * matrix.rows
    }
  }

  private func chunks(
    of rows: UnsafeMutableBufferPointer<Float>, _ body: (UnsafeMutablePointer<Float>, _ count: Int) -> Void
  ) {
    let hidden = stack.dimensions.hiddenSize
    guard let base = rows.baseAddress else { return }
    let count = rows.count / hidden
    for start in stride(from: 0, to: count, by: TANTRA_CHUNK) {
      body(base + start * hidden, min(TANTRA_CHUNK, count - start))
    }
  }

  private func reverse(_ rows: UnsafeMutableBufferPointer<Float>) {
    let hidden = stack.dimensions.hiddenSize
    let count = rows.count / hidden
    for row in 0..<count / 2 {
      for column in 0..<hidden {
        rows.swapAt(row * hidden + column, (count - 1 - row) * hidden + column)
      }
    }
  }
}
