import Foundation
import TantraRuntime
import TestSupport

/// A random Mamba of transformers in a folder of its own, and comparisons with what transformers computes.
struct MambaCheckpoint {
  let folder: TemporaryFolder

  /// - Parameter settings: keys and JSON values of `MambaConfig`.
  init(_ settings: [String: String] = MambaCheckpoint.small, dtype: String = "float32") throws {
    folder = try TemporaryFolder()
    try Python.oracle(
      "mamba_checkpoint.py", [folder.path] + settings.map { "\($0)=\($1)" }.sorted() + ["--dtype", dtype])
  }

  /// Two layers over bytes.
  static let small = [
    "hidden_size": "40", "num_hidden_layers": "2", "state_size": "8", "vocab_size": "256", "bos_token_id": "0",
    "eos_token_id": "0",
  ]

  func load() throws -> LoadedModel { try LoadedModel(resolved: folder.path) { _ in } }

  /// What `mamba_scores.py` prints.
  struct Verdict: Decodable {
    var difference: Double
    var largest: Double
    var position: Int?
    var margin: Double?

    /// Whether scores are within 1e-4 of the largest, and the greedy choices equal up to a near tie.
    var agrees: Bool { difference <= 1e-4 * max(1, largest) && (position == nil || (margin ?? 1) < 1e-3) }
  }

  /// Compares scores of `count` tokens, and `steps` greedy choices after them.
  static func compare(
    _ folder: String, count: Int = 512, steps: Int = 200, threads: Int = 1, instructionSet: Int? = nil
  ) throws -> Verdict {
    let scratch = try TemporaryFolder()
    let model = try LoadedModel(resolved: folder) { _ in }
    let vocabulary = Int32(model.weights.configuration.vocabularySize)
    let tokens = (0..<Int32(count)).map { ($0 &* 7919 &+ 13) % vocabulary }
    let session = try MambaSession(model.weights, threads: threads, instructionSet: instructionSet)
    let scores = try session.scores(tokens)
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
    try scratch.write("tokens", tokens.withUnsafeBytes(Array.init))
    try scratch.write("scores", scores.withUnsafeBytes(Array.init))
    try scratch.write("greedy", greedy.withUnsafeBytes(Array.init))
    let output = try Python.oracle(
      "mamba_scores.py", [folder, scratch("tokens"), scratch("scores"), "--greedy", scratch("greedy")])
    return try JSONDecoder().decode(Verdict.self, from: Data(output.utf8))
  }
}
