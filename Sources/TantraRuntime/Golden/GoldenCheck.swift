import FoundationEssentials
package import WeightFormats

/// Runs a version on the input that its golden.json gives, and compares what comes out with what should.
///
/// golden.json is a sidecar: `{"tokens": [72, 105], "logits": [...], "tolerance": 1e-4}`: tokens, and the scores of the
/// whole vocabulary after the last of them, which may differ by `tolerance` (1e-4 if absent) times the largest score, or 1 if
/// that is larger.
package enum GoldenCheck {
  /// The largest golden.json that is read, in bytes.
  package static let byteLimit = 16 << 20
  /// The most tokens that it may have.
  package static let tokenLimit = 4096

  private struct Golden: Decodable {
    var tokens: [Int32]
    var logits: [Float]
    var tolerance: Float?
  }

  /// - Parameter weights: any view of the version's weights; copied into memory.
  /// - Returns: what was found if all is well.
  /// - Throws: what is wrong.
  package static func check(
    golden bytes: [UInt8], configuration: [UInt8], weights: any ByteSource
  ) throws -> String {
    guard bytes.count <= byteLimit else {
      throw RuntimeError(.badData, "golden.json: expected at most \(byteLimit) bytes, found \(bytes.count)")
    }
    let golden: Golden
    do {
      golden = try JSONDecoder().decode(Golden.self, from: Data(bytes))
    } catch {
      throw RuntimeError(.badData, "golden.json: expected an object with tokens and logits, lists of numbers")
    }
    let tolerance = golden.tolerance ?? 1e-4
    guard (1...tokenLimit).contains(golden.tokens.count), tolerance >= 0 else {
      throw RuntimeError(.badData, "golden.json: expected 1 to \(tokenLimit) tokens, and no negative tolerance")
    }
    let model = try MambaWeights(configuration: configuration, checkpoint: try Checkpoint.copy(weights))
    let session = try MambaSession(model)
    try session.prefill(golden.tokens)
    let scores = Array(session.logits)
    guard golden.logits.count == scores.count else {
      throw RuntimeError(.badData, "golden.json: expected \(scores.count) logits, found \(golden.logits.count)")
    }
    let largest = max(1, golden.logits.reduce(0) { max($0, abs($1)) })
    let difference = zip(golden.logits, scores).reduce(0) { max($0, abs($1.0 - $1.1)) }
    guard difference <= tolerance * largest else {
      throw RuntimeError(
        .badData,
        "golden.json: expected its logits within \(tolerance * largest), found one that differs by \(difference)")
    }
    return "\(golden.tokens.count) tokens give the golden logits within \(difference)"
  }
}
