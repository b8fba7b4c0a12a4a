import Foundation
import TestSupport
import Testing

/// llama.cpp's converter, as `.ci/converter` brings it.
private let converter =
  ProcessInfo.processInfo.environment["TANTRA_TEST_CONVERTER"]
  ?? Python.packageRoot + "/.build/llama.cpp/convert_hf_to_gguf.py"

private let hasConverter = ConditionTrait.enabled(
  if: FileManager.default.fileExists(atPath: converter), "there is no \(converter): run .ci/setup")

@Suite(hasConverter) struct ConverterTests {
  static let kinds = [
    "llama", "llama3", "mistral", "qwen2", "qwen3", "neox", "mamba", "llama-spm", "mistral-spm", "llama-fallback",
    "bert", "bert-masked", "bert-classifier",
  ]

  @Test func filesEqualThoseOfLlamaCppsConverter() throws {
    let fixture = try TantraFixture(shipped: false)
    try fixture.succeed("init", fixture.storePath)
    try Python.oracle("converted_gguf.py", ["make", fixture.scratch("made")])
    try FileManager.default.createDirectory(atPath: fixture.scratch("ours"), withIntermediateDirectories: false)
    for kind in Self.kinds {
      try fixture.succeed("import", fixture.scratch("made/\(kind)"), "--model", kind, "--version", "v1")
      for type in ["F32", "F16", "BF16", "Q8_0"] {
        try fixture.succeed("quantize", kind, "--to", type, "--out", fixture.scratch("ours/\(kind)-\(type).gguf"))
      }
    }
    let lines = try Python.oracle(
      "converted_gguf.py", ["check", converter, fixture.scratch("made"), fixture.scratch("ours")], isMeasured: true)
    let counts = lines.split(separator: "\n").compactMap { line in line.split(separator: " ").last.flatMap { Int($0) } }
    #expect(counts.count == Self.kinds.count * 4 && counts.allSatisfy { $0 > 10 }, "\(lines)")
  }
}
