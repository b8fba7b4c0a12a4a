import Foundation

/// Feeds damaged and hostile files to the parsers. Deterministic: a seed and a number make an input again.
///
///     swift run -c release FormatFuzzer run TARGET|all [--inputs N] [--seed S] [--state FILE]
///     swift run -c release FormatFuzzer show TARGET NUMBER [--seed S]      writes the input to standard output
///     swift run -c release FormatFuzzer measure FILE                       time and memory of parsing a file
///     swift run -c release FormatFuzzer judge FILE ...                     whether files are inert, and whether they are weights
///
/// TARGET: safetensors, torch-zip, torch-legacy, gguf, pickle, zip, safety. A run goes on where the state file says it stopped. Ends with 1
/// if an input was described wrongly or took more than two seconds, and with 3, naming the input, if the parser trapped or hung.
func value(of option: String) -> String? {
  let arguments = CommandLine.arguments
  guard let index = arguments.firstIndex(of: option), index + 1 < arguments.count else { return nil }
  return arguments[index + 1]
}

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data((message + "\n").utf8))
  exit(2)
}

let usage = "usage: FormatFuzzer run TARGET|all | show TARGET NUMBER | measure FILE | judge FILE ..."
let arguments = CommandLine.arguments
guard arguments.count >= 3 else { fail(usage) }
let seed = value(of: "--seed").flatMap { UInt64($0) } ?? 1

switch arguments[1] {
case "run":
  let targets = arguments[2] == "all" ? FuzzTarget.all : FuzzTarget.named(arguments[2]).map { [$0] } ?? []
  guard !targets.isEmpty, let count = UInt64(value(of: "--inputs") ?? "1000000") else { fail(usage) }
  CrashReport.install()
  var failed = false
  for target in targets {
    let state = try FuzzRun(target: target, seed: seed, statePath: value(of: "--state")).run(count)
    failed = failed || !state.failures.isEmpty
  }
  exit(failed ? 1 : 0)
case "show":
  guard let target = FuzzTarget.named(arguments[2]), arguments.count > 3, let number = UInt64(arguments[3]) else {
    fail(usage)
  }
  FileHandle.standardOutput.write(Data(FuzzRun(target: target, seed: seed, statePath: nil).input(number)))
case "measure":
  CrashReport.install()
  CrashReport.watch(0)
  let encoder = JSONEncoder()
  encoder.outputFormatting = .sortedKeys
  print(String(decoding: try encoder.encode(Measurement(arguments[2])), as: UTF8.self))
case "judge":
  CrashReport.install()
  for path in arguments.dropFirst(2) { print(try Verdict(path)) }
default: fail(usage)
}
