import Foundation
import TestSupport
import Testing

/// GGUF files that come: state dicts, and files with quantized tensors.
@Suite(canMount, .onWaitingThreads) struct GGUFImportTests {
  let fixture: TantraFixture

  init() throws {
    fixture = try TantraFixture(shipped: false)
    try fixture.succeed("init", fixture.storePath)
  }

  private func make(_ type: String, _ name: String) throws -> String {
    let path = fixture.scratch(name)
    try Python.oracle("gguf_imports.py", ["one", path, type])
    return path
  }

  @Test(arguments: ["F32", "F16", "BF16"])
  func aCopiedStateDictHasAllViewsAndReadsBackByteForByte(type: String) throws {
    let path = try make(type, "a.gguf")
    try fixture.mount()
    let folder = fixture.mountpoint + "/m/v1"
    let copied = try Command.run(
      "bash",
      [
        "-c",
        "mkdir -p \(folder) && cp \(path) \(folder)/model.gguf && cmp \(path) \(folder)/model.gguf",
      ])
    #expect(copied.status == 0, "\(copied.errorText)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        == ["model.bin", "model.gguf", "model.pt", "model.safetensors"])
    #expect(
      try Python.oracle("gguf_imports.py", ["same", path, folder + "/model.safetensors"]) == "2\n")
    let code = "import sys, torch; print(len(torch.load(sys.argv[1], weights_only=True)))"
    #expect(try Python.run(code, [folder + "/model.pt"]).outputText == "2\n")
    let report = try fixture.succeed("validate", "m")
    #expect(
      report.contains("gguf, as written, 2 tensors") || report.contains("model.safetensors"),
      "\(report)")
    let shown = try fixture.succeed("show", "m/v1")
    #expect(
      shown.contains("model.gguf also carries:\n  general.architecture = llama\n"), "\(shown)")
    // Copies are free, and the copy has all views, too.
    let again = try Command.run(
      "bash",
      [
        "-c",
        "cp -r \(folder) \(fixture.mountpoint)/m/v2 && cmp \(path) \(fixture.mountpoint)/m/v2/model.gguf",
      ])
    #expect(again.status == 0, "\(again.errorText)")
  }

  @Test func anImportedStateDictBecomesTheMainOneAndAnotherStaysAComponent() throws {
    let path = try make("F16", "llama-f16.gguf")
    let told = try fixture.succeed("import", path, "--model", "llama", "--version", "v1")
    #expect(
      told.contains("2 tensors") && told.contains("model.gguf")
        && told.contains("model.safetensors"), "\(told)")
    // Beside other weights it is a component, which has other formats of its own.
    try fixture.scratch.write("model.safetensors", try SmallWeights.example().safetensors())
    let dry = try fixture.succeed(
      "import", fixture.scratch("model.safetensors"), path, "--model", "both", "--version", "v1",
      "--dry-run")
    #expect(dry.contains("llama-f16.gguf") && dry.contains("component"), "\(dry)")
    try fixture.succeed(
      "import", fixture.scratch("model.safetensors"), path, "--model", "both", "--version", "v1")
    try fixture.mount()
    let derived = fixture.mountpoint + "/.derived/both/v1/llama-f16.safetensors"
    #expect(try Python.oracle("gguf_imports.py", ["same", path, derived]) == "2\n")
    #expect(
      try Command.run("cmp", [path, fixture.mountpoint + "/both/v1/llama-f16.gguf"]).status == 0)
  }

  @Test func aQuantizedFileIsServedAsWrittenAndItsTensorsAreListed() throws {
    let path = try make("Q8_0", "llama.Q8_0.gguf")
    let dry = try fixture.succeed(
      "import", path, "--model", "llama", "--version", "v1", "--dry-run")
    #expect(dry.contains("unread") && dry.contains("1,280"), "\(dry)")
    try fixture.succeed("import", path, "--model", "llama", "--version", "v1")
    let shown = try fixture.succeed("show", "llama/v1", "--tensors")
    for words in [
      "1,280 parameters in 2 tensors", "  llama  1 Q8_0 (1.1 KiB), 1 F32 (1.0 KiB)\n",
      "blk.0.attn_q.weight  Q8_0   [4, 256]  1.1 KiB", "  general.name = one\n",
    ] {
      #expect(shown.contains(words), "\(words): \(shown)")
    }
    let json = try fixture.succeed("show", "llama/v1", "--json")
    #expect(
      json.contains("\"architecture\" : \"llama\"") && json.contains("\"type\" : \"Q8_0\""),
      "\(json)")
    try fixture.mount()
    #expect(
      try Command.run("cmp", [path, fixture.mountpoint + "/llama/v1/llama.Q8_0.gguf"]).status == 0)
    try fixture.succeed("validate", "llama")
  }

  @Test func aQuantizedFileThatReplacesAStateDictTakesItsViewsAway() throws {
    let (first, second) = (try make("F16", "a.gguf"), try make("Q4_0", "b.gguf"))
    try fixture.mount()
    let folder = fixture.mountpoint + "/m/v1"
    let script =
      "mkdir -p \(folder) && cp \(first) \(folder)/model.gguf && cp \(second) \(folder)/model.gguf && cmp \(second) \(folder)/model.gguf"
    let copied = try Command.run("bash", ["-c", script])
    #expect(copied.status == 0, "\(copied.errorText)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["model.gguf"])
    try fixture.succeed("validate", "m")
  }

  @Test func aBrokenFileIsRefusedAndOneThatIsCutOffIsNotFinished() throws {
    var file = TestGGUF.small
    file.tensors[0].offset = 64
    let broken = fixture.scratch("broken.gguf")
    try fixture.scratch.write("broken.gguf", file.bytes)
    let command = try fixture.tantra(["import", broken, "--model", "m", "--version", "v1"])
    #expect(
      command.status == 65 && command.errorText.contains("leaves a hole before it"),
      "\(command.errorText)")
    let whole = try make("F16", "whole.gguf")
    try fixture.mount()
    let folder = fixture.mountpoint + "/d/v1"
    let script = """
      mkdir -p \(folder) && cp \(broken) \(folder)/broken.gguf && cmp \(broken) \(folder)/broken.gguf
      head -c 1500 \(whole) > \(folder)/model.gguf || true
      test ! -e \(folder)/model.pt && tail -c +1501 \(whole) >> \(folder)/model.gguf && test -e \(folder)/model.pt
      """
    let copied = try Command.run("bash", ["-ec", script])
    #expect(copied.status == 0, "\(copied.errorText)")
    #expect(try fixture.succeed("validate", "d").contains("passed"))
  }

  @Test func whichFilesLlamaCppRunsIsSaid() throws {
    try fixture.scratch.write("model.safetensors", try SmallWeights.example().safetensors())
    try fixture.scratch.write("config.json", Array(#"{"model_type": "gpt2"}"#.utf8))
    try fixture.succeed(
      "import", fixture.scratch("model.safetensors"), fixture.scratch("config.json"), "--model",
      "gpt", "--version", "v1")
    let shown = try fixture.succeed("show", "gpt/v1")
    #expect(
      shown.contains(
        "model-*.gguf: tensors only, for viewers and loaders; llama.cpp does not run them: Tantra writes no gpt2 that it runs\n"
      ), "\(shown)")
    #expect(try fixture.succeed("show", "gpt/v1", "--json").contains("\"use\" : \"tensors\""))
    let out = fixture.scratch("gpt.gguf")
    let written = try fixture.tantra(["quantize", "gpt", "--to", "F32", "--out", out])
    #expect(
      written.status == 0 && written.errorText.contains("llama.cpp does not run them"),
      "\(written.errorText)")
    let shipped = try TantraFixture(copyOf: Python.packageRoot + "/Model")
    #expect(
      try shipped.succeed("show", "mamba/v2.0").contains(
        "model-*.gguf: llama.cpp runs them, as mamba\n"))
  }
}
