// What the runtime does in a second, beside transformers, and how well a model knows a text.
//
//   swift run -c release RuntimeBenchmark speed FOLDER PYTHON [THREADS] [TOKENS]
//   swift run -c release RuntimeBenchmark perplexity FOLDER FILE...
//
// FOLDER is a path with a slash in it. `speed` measures, in turns and as the best of five, reading of the weights (the
// bandwidth that a decoder could have), decoding, and reading of a prompt of 4,096 tokens; then lets PYTHON, which has torch
// and transformers, decode and read as many. `perplexity` prints the bits that a byte costs, each file being one sequence
// from a zero state and its first byte on.

import Foundation
import TantraRuntime

let arguments = CommandLine.arguments
guard arguments.count >= 4, ["speed", "perplexity"].contains(arguments[1]) else {
  print("usage: RuntimeBenchmark speed FOLDER PYTHON [THREADS] [TOKENS] | perplexity FOLDER FILE...")
  exit(64)
}
let model = try LoadedModel(resolved: try ModelLocation(arguments[2]).resolved()) { print($0) }
if arguments[1] == "perplexity" {
  try Perplexity(model.weights).report(Array(arguments[3...]))
} else {
  func number(_ index: Int, _ absent: Int) -> Int { arguments.count > index ? Int(arguments[index]) ?? absent : absent }
  try SpeedComparison(model, threads: number(4, 1), tokens: number(5, 100)).report(python: arguments[3])
}
