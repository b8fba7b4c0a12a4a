// What the runtime does in a second, beside transformers, how soon a model is loaded, and how well it knows a text.
//
//   swift run -c release RuntimeBenchmark speed FOLDER PYTHON [THREADS] [TOKENS] [decode]
//   swift run -c release RuntimeBenchmark load FOLDER...
//   swift run -c release RuntimeBenchmark perplexity FOLDER FILE...
//
// FOLDER is a path with a slash in it. `speed` measures, five times in turns, reading of the weights (the bandwidth that a
// decoder could have), decoding, and decoding by transformers in PYTHON; then reading of a prompt of 4,096 tokens by both,
// unless `decode` is all that is wanted. `load` loads the folders in turns, and has each say a token. `perplexity` prints the
// bits that a byte costs, each file being one sequence from a zero state and its first byte on.

import Foundation
import TantraRuntime

let arguments = CommandLine.arguments
let command = arguments.count >= 3 ? arguments[1] : ""
guard command == "load" || arguments.count >= 4 && ["speed", "perplexity"].contains(command) else {
  print(
    """
    usage: RuntimeBenchmark speed FOLDER PYTHON [THREADS] [TOKENS] [decode]
                          | load FOLDER... | perplexity FOLDER FILE...
    """)
  exit(64)
}
if command == "load" {
  try LoadComparison(Array(arguments[2...])).report()
} else {
  let model = try LoadedModel(resolved: try ModelLocation(arguments[2]).resolved()) { print($0) }
  if command == "perplexity" {
    try Perplexity(model.weights).report(Array(arguments[3...]))
  } else {
    func number(_ index: Int, _ absent: Int) -> Int {
      arguments.count > index ? Int(arguments[index]) ?? absent : absent
    }
    try SpeedComparison(model, threads: number(4, 1), tokens: number(5, 100))
      .report(python: arguments[3], prefills: !arguments.contains("decode"))
  }
}
