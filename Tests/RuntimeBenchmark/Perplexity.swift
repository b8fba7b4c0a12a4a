import Foundation
import TantraRuntime

/// What a byte of a text costs a byte-level model, in bits.
struct Perplexity {
  private let weights: MambaWeights

  init(_ weights: MambaWeights) { self.weights = weights }

  /// Prints a line a file, and one for all.
  func report(_ paths: [String]) throws {
    var total = 0.0
    var count = 0
    for path in paths {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path)).map(Int32.init)
      let cost = try self.cost(of: bytes)
      print(String(format: "%.4f bits per byte  %@", cost / Double(max(bytes.count - 1, 1)), path))
      total += cost
      count += max(bytes.count - 1, 0)
    }
    print(String(format: "%.4f bits per byte over %d predictions", total / Double(max(count, 1)), count))
  }

  private func cost(of tokens: [Int32]) throws -> Double {
    let session = try MambaSession(weights)
    let vocabulary = weights.configuration.vocabularySize
    var bits = 0.0
    for start in stride(from: 0, to: tokens.count - 1, by: 1024) {
      let end = min(start + 1024, tokens.count - 1)
      let scores = try session.scores(Array(tokens[start..<end]))
      for position in start..<end {
        let row = scores[(position - start) * vocabulary..<(position - start + 1) * vocabulary].map(Double.init)
        let largest = row.max() ?? 0
        let sum = row.reduce(0) { $0 + exp($1 - largest) }
        bits += (log(sum) + largest - row[Int(tokens[position + 1])]) / log(2)
      }
    }
    return bits
  }
}
