import Foundation
import TestSupport
import Testing

/// llama.cpp's converter, if this machine has one: the path of convert_hf_to_gguf.py, as llama-cpp-python's source has it. The
/// package sentencepiece, which the converter needs, is then needed, too.
private let converter = ProcessInfo.processInfo.environment["TANTRA_TEST_CONVERTER"]

private let hasConverter = ConditionTrait.enabled(
  if: converter != nil, "TANTRA_TEST_CONVERTER does not name llama.cpp's convert_hf_to_gguf.py")

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
          "converted_gguf.py", ["check", converter ?? "", original, out, type], isMeasured: true)
        #expect(Int(count.split(separator: "\n").last ?? "").map { $0 > 10 } == true, "\(kind) \(type): \(count)")
      }
    }
  }
}
