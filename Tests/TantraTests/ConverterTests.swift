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
    for kind in Self.kinds {
      let original = fixture.scratch("made/\(kind)")
      try fixture.succeed("import", original, "--model", kind, "--version", "v1")
      for type in ["F32", "F16", "BF16", "Q8_0"] {
        let out = fixture.scratch("\(kind)-\(type).gguf")
        try fixture.succeed("quantize", kind, "--to", type, "--out", out)
        let count = try Python.oracle(
          "converted_gguf.py", ["check", converter, original, out, type], isMeasured: true)
        #expect(Int(count.split(separator: "\n").last ?? "").map { $0 > 10 } == true, "\(kind) \(type): \(count)")
      }
    }
  }
}
