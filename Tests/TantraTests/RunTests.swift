import Foundation
import TestSupport
import Testing

@Suite(canMount, .onWaitingThreads) struct RunTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  private func run(_ arguments: String...) throws -> Command {
    try Command.run(
      TantraFixture.executable, ["run"] + arguments, environment: ["TANTRA_MOUNT": fixture.mountpoint])
  }

  @Test func aModelOfTheMountGoesOnWithAText() throws {
    try fixture.mount()
    let options = ["--prompt", "In the beginning", "--max-tokens", "20"]
    let plain = try Command.run(
      TantraFixture.executable, ["run", "mamba"] + options, environment: ["TANTRA_MOUNT": fixture.mountpoint])
    #expect(plain.status == 0 && plain.errorText.isEmpty, "\(plain.errorText)")
    for model in [
      ["mamba", "--version", "v1.0"], [fixture.mountpoint + "/mamba/v1.0/model.pt"], ["mamba", "--stream"],
    ] {
      let other = try Command.run(
        TantraFixture.executable, ["run"] + model + options, environment: ["TANTRA_MOUNT": fixture.mountpoint])
      #expect(other.output == plain.output, "\(model): \(other.errorText)")
    }
  }

  private struct Report: Decodable {
    var weights: String
    var tokens: Int
    var promptTokens: Int
    var firstTokenMilliseconds: Double
  }

  @Test func statisticsTellWhatWasReadAndHowLongItTook() throws {
    try fixture.mount()
    let json = try run("mamba", "--prompt", "abc", "--max-tokens", "5", "--json")
    let report = try JSONDecoder().decode(Report.self, from: json.output)
    #expect(report.weights == fixture.mountpoint + "/mamba/v1.0/model.safetensors")
    #expect(report.promptTokens == 3 && (1...5).contains(report.tokens) && report.firstTokenMilliseconds > 0)
    let stats = try run("mamba", "--prompt", "abc", "--max-tokens", "5", "--stats")
    #expect(stats.errorText.contains("first token") && stats.errorText.contains("2.6 MiB mapped"), "\(stats.errorText)")
  }

  @Test func exitCodesSayWhatWasWrong() throws {
    try fixture.mount()
    #expect(try run("nobody", "--prompt", "a").status == 66)
    #expect(try run("mamba", "--version", "v9", "--prompt", "a").status == 66)
    #expect(try run("mamba", "--prompt", "a", "--top-p", "2").status == 64)
    #expect(try run("mamba", "--prompt", "a", "--stream", "--json").status == 64)
    let other = try run("ocr_native", "--prompt", "a")
    #expect(other.status == 65 && other.errorText.contains("\"ocr_native\""), "\(other.errorText)")
  }

  @Test func validationComparesGoldenOutputs() throws {
    let script = """
      import json, sys, torch; from transformers import MambaForCausalLM
      model = MambaForCausalLM.from_pretrained(sys.argv[1]); tokens = list(b"In the beginning")
      with torch.no_grad(): logits = model(torch.tensor([tokens])).logits[0, -1]
      logits[7] += float(sys.argv[2])
      json.dump({"tokens": tokens, "logits": logits.tolist()}, open(sys.argv[1] + "/golden.json", "w"))
      """
    let exported = try TemporaryFolder()
    try fixture.succeed("export", "mamba", "--folder", "--to", exported.path)
    let folder = exported("mamba_v1.0")
    for (version, error) in [("v2.0", "0"), ("v2.1", "0.01")] {
      let made = try Python.run(script, [folder, error])
      #expect(made.status == 0, "\(made.errorText)")
      try fixture.succeed("import", folder, "--model", "golden", "--version", version)
    }
    let good = try fixture.tantra(["validate", "golden", "v2.0"])
    #expect(good.status == 0 && good.outputText.contains("16 tokens give the golden logits"), "\(good.outputText)")
    let bad = try fixture.tantra(["validate", "golden", "v2.1"])
    #expect(bad.status == 1 && bad.outputText.contains("golden.json: expected its logits"), "\(bad.outputText)")
  }
}
