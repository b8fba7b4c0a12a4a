import Foundation
import TestSupport
import Testing

@Suite(canMount, .onWaitingThreads) struct ConfigTests {
  let fixture: TantraFixture

  init() throws {
    fixture = try TantraFixture()
    for seed in ["1", "2"] { try fixture.succeed("generate", "mamba", "--seed", seed, "--version", "v1.\(seed)") }
  }

  private struct Line: Decodable {
    var model: String
    var key: String
    var value: String
    var isDefault: Bool
    var explanation: String
  }

  private func lines(_ arguments: String...) throws -> [Line] {
    let output = try fixture.tantra(["config"] + arguments + ["--json"])
    return try JSONDecoder().decode([Line].self, from: output.output)
  }

  @Test func aKeyThatCannotBeUsedIsToldOf() throws {
    let set = try fixture.tantra(["config", "mamba", "verify-before-activate", "/nowhere/key.pub"])
    #expect(set.status == 0, "\(set.errorText)")
    #expect(set.errorText.contains("pulls are refused until the key can be used: "), "\(set.errorText)")
    #expect(set.errorText.contains("/nowhere/key.pub"), "\(set.errorText)")
    let off = try fixture.tantra(["config", "mamba", "verify-before-activate", "off"])
    #expect(off.status == 0 && off.errorText.isEmpty)
  }

  @Test(arguments: [false, true])
  func policiesAreSetShownAndUnsetMountedOrNot(mounted: Bool) throws {
    if mounted { try fixture.mount() }
    #expect(try lines().count == 30)
    #expect(try lines("mamba").allSatisfy { $0.isDefault && !$0.explanation.isEmpty })
    #expect(try fixture.succeed("config", "mamba", "keep", "2").contains("mamba  keep    2      set"))
    #expect(try fixture.succeed("cleanup", "mamba") == "removed mamba/v1.1\n")
    #expect(try lines("mamba", "keep").map(\.value) == ["2"])
    if mounted { #expect(try fixture.text(".control/config").contains("mamba keep 2\n")) }
    try fixture.succeed("config", "mamba", "keep", "--unset")
    #expect(try lines("mamba", "keep").map(\.value) == ["none"])
    try fixture.succeed("config", "mamba", "default-format", "pt")
    let target = fixture.scratch("out")
    try fixture.succeed("export", "mamba", "--to", target)
    #expect(try FileManager.default.contentsOfDirectory(atPath: target) == ["mamba_v1.0_pt.pt"])
    for (arguments, status, words) in [
      (["config", "mambo"], Int32(66), "did you mean \"mamba\""),
      (["config", "mamba", "keeep"], 64, "did you mean \"keep\""),
      (["config", "mamba", "keep", "all"], 64, "expected a number, or none"),
      (["config", "mamba", "keep", "3", "--unset"], 64, "--unset"), (["cleanup", "mamba"], 64, "--keep N"),
    ] {
      let refused = try fixture.tantra(arguments)
      #expect(refused.status == status && refused.errorText.contains(words), "\(arguments) \(refused.errorText)")
    }
  }

  @Test(arguments: [false, true])
  func aVersionThatDoesNotValidateIsNotMadeActive(mounted: Bool) throws {
    try fixture.succeed("config", "mamba", "validate-before-activate", "yes")
    try fixture.damage("mamba", "v1.1")
    if mounted { try fixture.mount() }
    let refused = try fixture.tantra(["set-active", "mamba", "v1.1"])
    #expect(refused.status == 65)
    #expect(refused.errorText.contains("tensor \"backbone.norm_f.weight\""), "\(refused.errorText)")
    #expect(refused.errorText.contains("validate-before-activate"))
    #expect(try fixture.succeed("set-active", "mamba", "v1.2") == "mamba: v1.0 -> v1.2\n")
    #expect(try fixture.succeed("rollback", "mamba", "--json").contains("\"to\" : \"v1.0\""))
  }

  @Test(arguments: [false, true])
  func anImportThatDoesNotValidateIsPublishedAndNotActive(mounted: Bool) throws {
    try fixture.succeed("config", "mamba", "validate-before-activate", "yes")
    try fixture.succeed("export", "mamba", "v1.2", "--folder", "--to", fixture.scratch("out"))
    let path = "out/mamba_v1.2/config.json"
    let configuration = String(decoding: try fixture.scratch.read(path), as: UTF8.self)
    let changed = configuration.replacing(/"state_size": *[0-9]+/, with: "\"state_size\": 7")
    try #require(changed != configuration)
    try fixture.scratch.write(path, Array(changed.utf8))
    if mounted { try fixture.mount() }
    let folder = fixture.scratch("out/mamba_v1.2")
    let refused = try fixture.tantra(["import", folder, "--model", "mamba", "--version", "v1.3", "--active"])
    #expect(refused.status == 65 && refused.errorText.contains("validate-before-activate"), "\(refused.errorText)")
    #expect(refused.errorText.contains("A_log"), "\(refused.errorText)")
    #expect(try fixture.succeed("list-models").contains("mamba             v1.0    4"))
    try fixture.scratch.write(path, Array(configuration.utf8))
    try fixture.succeed("import", folder, "--model", "mamba", "--version", "v1.4", "--active")
    #expect(try fixture.succeed("list-models").contains("mamba             v1.4    5"))
  }
}
