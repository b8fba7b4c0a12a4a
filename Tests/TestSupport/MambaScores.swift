import Foundation
import TantraRuntime

/// What our runtime computes for some tokens, to be compared with others' computations.
package struct MambaScores {
  private let folder: String
  private let tokens: [Int32]
  private let scores: [Float]
  private let greedy: [Int32]

  /// Loads the model in `folder`; computes the scores after each of `count` tokens, and `steps` greedy choices after them.
  package init(
    of folder: String, count: Int = 512, steps: Int = 200, threads: Int = 1, instructionSet: Int? = nil
  ) throws {
    self.folder = folder
    let model = try LoadedModel(resolved: folder) { _ in }
    let vocabulary = Int32(model.weights.configuration.vocabularySize)
    tokens = (0..<Int32(count)).map { ($0 &* 7919 &+ 13) % vocabulary }
    let session = try MambaSession(model.weights, threads: threads, instructionSet: instructionSet)
    scores = try session.scores(tokens)
    // The second time token by token, or in chunks: whatever way they take, the same comes out.
    session.reset()
    try session.prefill(Array(tokens.prefix(count - 3)))
    for token in tokens.suffix(3) { try session.feed(token) }
    var greedy: [Int32] = []
    for _ in 0..<steps {
      let best = session.logits.indices.max { session.logits[$0] < session.logits[$1] } ?? 0
      greedy.append(Int32(best))
      try session.feed(Int32(best))
    }
    self.greedy = greedy
  }

  /// What `mamba_scores.py` prints.
  package struct Verdict: Decodable {
    package var difference: Double
    package var largest: Double
    package var position: Int?
    package var margin: Double?

    /// Whether scores are within 1e-4 of the largest, and the greedy choices equal up to a near tie.
    package var agrees: Bool { difference <= 1e-4 * max(1, largest) && (position == nil || (margin ?? 1) < 1e-3) }
  }

  /// Compares with transformers, which loads the same folder.
  package func comparedWithTransformers() throws -> Verdict { try judged("mamba_scores.py", greedy: true) }

  /// What `mamba_exact.py` prints.
  package struct Rounding: Decodable {
    package var found: Double
    package var transformers: Double
    package var largestFound: Double
    package var largestTransformers: Double
    package var largest: Double
    package var amplification: Double
  }

  /// Compares with a computation in double precision.
  package func comparedWithExactScores() throws -> Rounding { try judged("mamba_exact.py", greedy: false) }

  private func judged<Judgement: Decodable>(_ oracle: String, greedy isWanted: Bool) throws -> Judgement {
    let scratch = try TemporaryFolder()
    try scratch.write("tokens", tokens.withUnsafeBytes(Array.init))
    try scratch.write("scores", scores.withUnsafeBytes(Array.init))
    try scratch.write("greedy", greedy.withUnsafeBytes(Array.init))
    let output = try Python.oracle(
      oracle,
      [folder, scratch("tokens"), scratch("scores")] + (isWanted ? ["--greedy", scratch("greedy")] : []))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Judgement.self, from: Data(output.utf8))
  }
}
