import Foundation
import TestSupport
import Testing

/// Whether this machine has llama.cpp as a Python package: `pip install xllamacpp`.
private let hasLlama = ConditionTrait.enabled(
  "the Python package xllamacpp is not installed", { try Python.run("import xllamacpp").status == 0 })

/// llama.cpp reads what is computed, from the mount.
@Suite(canMount, hasLlama) struct LlamaTests {
  @Test func itSaysWhatTheRuntimeSaysAndLoadsEveryType() throws {
    let fixture = try TantraFixture(copyOf: Python.packageRoot + "/Model")
    try fixture.mount()
    let text = "In the beginning"
    let ours = try fixture.succeed("run", "mamba", text, "--max-tokens", "32", "--temperature", "0")
    for type in ["F32", "F16", "BF16", "Q8_0", "Q5_0", "Q4_1", "Q4_0"] {
      let path = fixture.mountpoint + "/.derived/mamba/active/model-\(type).gguf"
      let theirs = try Python.oracle("llama_answers.py", [path, text, "32"], isMeasured: true)
      #expect(theirs.utf8.count > 8, "\(type): \(theirs)")
      if ["F32", "F16"].contains(type) { #expect(theirs + "\n" == ours, "\(type)") }
    }
  }

  private struct Difference: Decodable {
    var largest: Double
    var bits: Double
    var more: Double
    var same: Double
  }

  /// Of a text that the model was not trained on. Against weights of 16 or 8 bits it also rounds what flows between them.
  @Test func itComputesWhatTransformersComputes() throws {
    let fixture = try TantraFixture(copyOf: Python.packageRoot + "/Model")
    try fixture.mount()
    let text = fixture.scratch("text")
    let verse =
      "And Ruth said, Intreat me not to leave thee, or to return from following after thee: for whither thou goest, "
    try fixture.scratch.write(
      "text", Array((verse + "I will go; and where thou lodgest, I will lodge.").utf8))
    let types = ["F32", "F16", "BF16", "Q8_0", "Q5_0", "Q4_1", "Q4_0"]
    let files = types.map { fixture.mountpoint + "/.derived/mamba/active/model-\($0).gguf" }
    let lines = try Python.oracle(
      "llama_logits.py", [fixture.mountpoint + "/mamba/active", text] + files, isMeasured: true
    ).split(separator: "\n")
    let found = try lines.map { try JSONDecoder().decode(Difference.self, from: Data($0.utf8)) }
    #expect(found.count == types.count)
    for ((type, difference), most) in zip(zip(types, found), [1e-4, 0.1, 0.5, 1.5, 6, 8, 8]) {
      #expect(difference.largest < most, "\(type): \(difference)")
      #expect(
        abs(difference.more) < (most < 1 ? 0.01 : 0.3) && difference.bits < 3,
        "\(type): \(difference)")
    }
    #expect(found[0].same == 1)
  }

  /// ggml's functions are those that llama-quantize calls.
  @Test func blocksEqualThoseOfGgml() throws {
    let fixture = try TantraFixture(shipped: false)
    try fixture.succeed("init", fixture.storePath)
    let made = fixture.scratch("made")
    try Python.oracle("ggml_blocks.py", ["make", made])
    try fixture.succeed(
      "import", made + "/model.safetensors", "--model", "blocks", "--version", "v1")
    try fixture.mount()
    let types = ["F16", "BF16", "Q8_0", "Q5_0", "Q4_1", "Q4_0"]
    let files = types.map { fixture.mountpoint + "/.derived/blocks/v1/model-\($0).gguf" }
    #expect(
      try Python.oracle("ggml_blocks.py", ["check", made] + files, isMeasured: true) == "48\n")
  }
}
