import Foundation
import TestSupport
import Testing

/// Whether this machine can mount at all; says why not.
let canMount = ConditionTrait.enabled(
  if: access("/dev/fuse", R_OK | W_OK) == 0, "/dev/fuse is missing or may not be opened: run .ci/setup as root")

@Suite(canMount) struct ShippedModelTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  @Test(arguments: ["mamba", "mamba_multimodal", "ocr_native"])
  func everyViewHoldsTheSameStateDictAndEqualsWhatTorchAndSafetensorsWrite(model: String) throws {
    try fixture.mount()
    // Not even the written view may differ: it was made by the same rules as save_file.
    let summary = try Python.oracle("mount_views.py", [fixture.mountpoint, model, "v1.0"])
    #expect(summary.contains("\"equals_reference_writer\""))
    #expect(!summary.contains("false"))
  }

  @Test func transformersLoadsAndRunsTheActiveVersion() throws {
    try fixture.mount()
    let summary = try Python.oracle("mount_transformers.py", [fixture.mountpoint + "/mamba/active"])
    #expect(summary.contains("\"parameters\": 689792"))
  }

  @Test func generateMakesTheShippedWeightsAgain() throws {
    let other = try TantraFixture(shipped: false)
    try other.succeed("generate")
    let shipped = try fixture.scratch.files(below: "store/weights")
    #expect(!shipped.isEmpty)
    #expect(try other.scratch.files(below: "store/weights") == shipped)
    for path in shipped { #expect(try other.scratch.read(path) == fixture.scratch.read(path), "\(path)") }
  }

  @Test func theShippedStoreIsValid() throws {
    let output = try fixture.succeed("validate")
    #expect(output.contains("mamba/v1.0: valid"))
    #expect(output.contains("ocr_native/v1.0: valid"))
    #expect(!output.contains("failed"))
  }

  @Test func professionalNamesLeadToTheFiles() throws {
    try fixture.mount()
    let compare = try Command.run(
      "cmp",
      [
        fixture.mountpoint + "/.files/mamba_multimodal_v1.0_pt.pt",
        fixture.mountpoint + "/mamba_multimodal/v1.0/model.pt",
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
