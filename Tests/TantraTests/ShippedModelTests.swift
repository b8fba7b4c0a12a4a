import Foundation
import TantraRuntime
import Tensors
import TestSupport
import Testing

/// Whether this machine can mount at all; says why not.
let canMount = ConditionTrait.enabled(
  if: access("/dev/fuse", R_OK | W_OK) == 0, "/dev/fuse is missing or may not be opened: run .ci/setup as root")

@Suite(canMount, .onWaitingThreads) struct ShippedModelTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(copyOf: Python.packageRoot + "/Model") }

  @Test(arguments: [
    ("mamba", "v1.0", false), ("mamba", "v1.1", false), ("mamba", "v2.0", false), ("mamba_multimodal", "v1.3", false),
    ("ocr_native", "v1.2", false), ("mamba", "v1.1", true), ("ocr_native", "v1.2", true),
  ])
  func everyViewHoldsTheSameStateDictAndEqualsWhatTorchAndSafetensorsWrite(
    model: String, version: String, isCompressed: Bool
  ) throws {
    try fixture.mount()
    if isCompressed { #expect(try fixture.succeed("compress", "\(model)/\(version)").contains("compressed ")) }
    // Not even the written view may differ: it was made by save_file, or by its rules.
    let summary = try Python.oracle("mount_views.py", [fixture.mountpoint, model, version])
    #expect(summary.contains("\"equals_reference_writer\""))
    #expect(!summary.contains("false"))
  }

  @Test func transformersLoadsAndRunsTheActiveVersion() throws {
    try fixture.mount()
    let summary = try Python.oracle("mount_transformers.py", [fixture.mountpoint + "/mamba/active"])
    #expect(summary.contains("\"parameters\": 677376"))
  }

  @Test(arguments: ["active", "v1.0"])
  func theRuntimeScoresAsTransformersFromTheSameFolderOfTheMount(version: String) throws {
    try fixture.mount()
    let verdict = try MambaScores(of: fixture.mountpoint + "/mamba/" + version).comparedWithTransformers()
    #expect(verdict.agrees, "\(verdict)")
  }

  /// So that Q8_0 and Q4_0, which take 32 elements of a row at a time, can hold each matrix.
  @Test func everyRowOfTheNewestMambasMatricesIsAMultipleOf32() throws {
    let folder = try fixture.succeed("export", "mamba", "v2.0", "--folder", "--to", fixture.scratch.path)
    #expect(folder.contains("mamba_v2.0/golden.json"))
    let model = try LoadedModel(resolved: fixture.scratch("mamba_v2.0")) { _ in }
    let matrices = model.weights.tensors.filter { $0.shape.dimensions.count == 2 && !$0.name.hasSuffix("A_log") }
    #expect(matrices.count == 21)
    for matrix in matrices { #expect(matrix.shape.dimensions[1] % 32 == 0, "\(matrix.name) \(matrix.shape)") }
  }

  @Test func theTrainedModelSwitchedFromItsFirstVersionToItsBetterOnes() throws {
    let history = try fixture.succeed("history", "mamba").split(separator: "\n")
    #expect(history.count == 4 && history[1].contains("-     v1.0") && history[2].contains("v1.0  v1.1"), "\(history)")
    #expect(history[3].contains("v1.1  v2.0"), "\(history)")
    let folder = try fixture.succeed("export", "mamba", "v1.1", "--folder", "--to", fixture.scratch("out"))
    for file in ["model.safetensors", "config.json", "README.md", "loss.png"] {
      #expect(folder.contains("mamba_v1.1/" + file))
    }
  }

  @Test func nothingUnusedIsStored() throws {
    let stored = try fixture.scratch.files(below: "store/weights")
    try fixture.succeed("purge")
    #expect(try fixture.scratch.files(below: "store/weights") == stored)
    #expect(try stored.allSatisfy { try fixture.scratch.read($0).count < 3_000_000 })
  }

  @Test func theShippedStoreIsValid() throws {
    let output = try fixture.succeed("validate")
    for version in ["mamba/v1.0", "mamba/v1.1", "mamba/v2.0", "mamba_multimodal/v1.3", "ocr_native/v1.2"] {
      #expect(output.contains("\(version): valid"))
    }
    #expect(!output.contains("failed") && !output.contains("skipped"), "\(output)")
  }

  @Test func professionalNamesLeadToTheFiles() throws {
    try fixture.mount()
    let compare = try Command.run(
      "cmp",
      [
        fixture.mountpoint + "/.files/mamba_multimodal_v1.3_pt.pt",
        fixture.mountpoint + "/mamba_multimodal/v1.3/model.pt",
      ])
    #expect(compare.status == 0)
  }

  @Test func findAndGrepAreSafeEverywhere() throws {
    try fixture.mount()
    let find = try Command.run("find", [fixture.mountpoint, "-ls"])
    #expect(find.status == 0 && find.errorText.isEmpty, "\(find.errorText)")
    let grep = try Command.run("grep", ["-rc", "architectures", fixture.mountpoint])
    #expect(grep.errorText.isEmpty, "\(grep.errorText)")
    #expect(grep.outputText.contains("/mamba/v1.0/config.json:1"))
  }

  @Test func manyReadersAtOnceSeeTheSameBytes() throws {
    try fixture.mount()
    let script = """
      cd \(fixture.mountpoint)/mamba/active
      for i in 1 2 3 4 5 6 7 8; do (sha256sum model.pt; sha256sum model.safetensors) & done; wait
      """
    let sums = Set(try Command.run("bash", ["-c", script]).outputText.split(separator: "\n"))
    #expect(sums.count == 2)
  }
}
