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
}
