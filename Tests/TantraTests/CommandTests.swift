import Foundation
import TestSupport
import Testing

@Suite struct CommandTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  @Test(arguments: [
    "init", "mount", "unmount", "status", "import", "list-models", "list-weights", "set-active", "rollback", "history",
    "export", "diff", "cleanup", "backup", "restore", "purge", "compress", "thaw", "validate", "stats", "doctor",
    "generate", "config",
    "upgrade-store", "show", "tag", "rm", "metrics",
  ])
  func everyCommandHasHelp(command: String) throws {
    let help = try fixture.tantra([command, "--help"])
    #expect(help.status == 0)
    #expect(help.outputText.contains("OVERVIEW"))
    #expect(help.outputText.contains("--store"))
    // That of Tantra is nobody else's: some commands take the version of a model.
    #expect(!help.outputText.contains("Show the version"))
    #expect(try fixture.succeed("--help").contains(command))
  }

  @Test(arguments: [
    (["set-active", "mamba", "v9"], 66, "no version"), (["set-active", "mambo", "v1.0"], 66, "did you mean \"mamba\""),
    (["set-active", "mamba", "../x"], 64, "cannot name a version"), (["list-weights", "nope"], 66, "no model"),
    (["validate", "nope"], 2, "no model"), (["generate", "gpt"], 66, "no bundled model"),
    (["import", "/nonexistent.pt", "--model", "x"], 66, "No such file"), (["import", "/etc/passwd"], 65, "extension"),
    (["unmount", "/"], 1, "not fuse.tantra"), (["nonsense"], 64, "nonsense"), (["set-active", "mamba"], 64, "version"),
    (["lst-models"], 64, "there is no command \"lst-models\"; did you mean \"list-models\"?"),
    (["help", "lst-models"], 64, "there is no command \"lst-models\"; did you mean \"list-models\"?"),
    (["set-active", "mamba/v1.0", "v1.1"], 64, "two versions"), (["backup", "mamba/v9"], 66, "no version"),
    (["import", "/nonexistent.pt"], 66, "No such file"), (["history", "ocr"], 66, "did you mean \"ocr_native\"?"),
    (["stauts"], 64, "did you mean \"status\"?"), (["hlep"], 64, "did you mean \"help\"?"),
    (["umoutn"], 64, "did you mean \"umount\"?"), (["LS"], 64, "did you mean \"ls\"?"),
    (["show", "mabma"], 66, "did you mean \"mamba\"?"), (["show", "Mamba"], 66, "did you mean \"mamba\"?"),
    (["show", "mamba/1v.0"], 66, "did you mean \"v1.0\"?"),
    (["status", "mamba/v1.0"], 64, "tantra show mamba/v1.0"), (["rm", "mamba/active"], 64, "by its name"),
    (["config", "mamba", "kepe"], 64, "did you mean \"keep\"?"),
    (["config", "mamba", "forzen"], 64, "did you mean \"frozen\"?"),
  ])
  func mistakesHaveTheirExitCodeAndSayWhatIsWrong(arguments: [String], status: Int32, words: String) throws {
    let command = try fixture.tantra(arguments)
    #expect(command.status == status, "\(command.errorText)")
    #expect(command.errorText.contains(words), "\(command.errorText)")
    #expect(command.output.isEmpty)
  }

  @Test func aVersionMayBeNamedInOneWord() throws {
    try fixture.succeed("set-active", "mamba/v1.0")
    #expect(try fixture.succeed("backup", "mamba/v1.0").hasPrefix("mamba/v1.0: pinned"))
    #expect(try fixture.succeed("validate", "mamba/v1.0") == fixture.succeed("validate", "mamba", "v1.0"))
    try fixture.succeed("export", "mamba/v1.0", "--to", fixture.scratch("out"))
    #expect(try fixture.scratch.files(below: "out") == ["out/mamba_v1.0_safetensors.safetensors"])
  }

  @Test(arguments: [
    ("ls", "list-weights", ["mamba"]), ("log", "history", ["mamba"]), ("verify", "validate", ["mamba"]),
    ("gc", "purge", ["--dry-run"]), ("use", "set-active", ["mamba/v1.0"]), ("ps", "status", ["mamba", "--json"]),
    ("umount", "unmount", []), ("remove", "rm", ["mamba/v9"]),
  ])
  func shortNamesAreTheSameCommands(short: String, long: String, arguments: [String]) throws {
    #expect(try fixture.tantra([short] + arguments).outputText == fixture.tantra([long] + arguments).outputText)
    #expect(try fixture.tantra([short, "--help"]).status == 0)
  }

  @Test func listingsAreTheSameForPeopleAndScripts() throws {
    let table = try fixture.succeed("list-weights", "mamba")
    #expect(table.contains("mamba  v1.0     active  689,792     52       2.6 MiB  bin pt safetensors*"))
    struct Line: Decodable {
      var model: String
      var parameters: Int
      var isActive: Bool
    }
    let lines = try JSONDecoder().decode([Line].self, from: Data(try fixture.succeed("list-weights", "--json").utf8))
    #expect(lines.map(\.model) == ["mamba", "mamba_multimodal", "ocr_native"])
    #expect(lines.map(\.isActive) == [true, true, true])
    #expect(lines.map(\.parameters) == [689_792, 690_112, 697_520])
  }

  @Test func validateNamesTheDamagedTensorAndEndsWithOne() throws {
    try fixture.damage("mamba", "v1.0")
    let command = try fixture.tantra(["validate", "mamba"])
    #expect(command.status == 1)
    // The last tensor of a file in save_file's order has the greatest name.
    #expect(command.outputText.contains("tensor \"backbone.norm_f.weight\""), "\(command.outputText)")
    #expect(!command.outputText.contains("backbone.embeddings.weight"))
    #expect(command.errorText.contains("tantra import FILE --model mamba --version v1.0"), "\(command.errorText)")
    #expect(try fixture.tantra(["validate", "ocr_native"]).status == 0)
    let json = try fixture.tantra(["validate", "mamba", "--json"])
    #expect(json.status == 1)
    #expect(json.outputText.contains("\"outcome\" : \"failed\""))
  }

  @Test func importTakesModelAndVersionFromTheNameOfTheFile() throws {
    let source = try fixture.scratch.write("my_model_v2.1_pt.pt", try SmallWeights.example().torchZip())
    #expect(try fixture.succeed("import", source).contains("-> my_model/v2.1: 3 tensors, 47 parameters"))
  }

  @Test func importTakesAFolderWithItsSidecars() throws {
    try FileManager.default.createDirectory(atPath: fixture.scratch("hf/vocab"), withIntermediateDirectories: true)
    try fixture.scratch.write("hf/model.safetensors", try SmallWeights.example().safetensors())
    try fixture.scratch.write("hf/config.json", Array("{}".utf8))
    try fixture.scratch.write("hf/vocab/merges.txt", Array("a b".utf8))
    try fixture.succeed("import", fixture.scratch("hf"), "--model", "folder")
    try fixture.mount()
    #expect(
      try Command.run("diff", ["-r", fixture.scratch("hf/vocab"), fixture.mountpoint + "/folder/v1.0/vocab"]).status
        == 0)
    #expect(try fixture.text("folder/active/config.json") == "{}")
  }

  @Test func importWarnsOfNamesThatSoundLikeATrial() throws {
    let source = try fixture.scratch.write("x.pt", try SmallWeights.example().torchZip())
    #expect(try fixture.tantra(["import", source, "--model", "demo_net"]).errorText.contains("warning"))
  }

  @Test func badInputHasItsMessage() throws {
    let weights = try fixture.scratch.write("x.pt", try SmallWeights.example().torchZip())
    for (arguments, status, words) in [
      (["export", "mambo"], Int32(66), "there is no model \"mambo\"; did you mean \"mamba\"?"),
      (["history", "nope"], 66, "there is no model \"nope\"; there is mamba, mamba_multimodal, ocr_native"),
      (["backup", "mamba", "v1.1"], 66, "mamba has no version \"v1.1\"; did you mean \"v1.0\"?"),
      (["restore", "mamba", "v1.0"], 73, "mamba/v1.0 exists; remove it before you restore an earlier one"),
      (["import", weights, "--model", "-x/y"], 64, "--model"),
      (["import", weights, "--model", "a b"], 64, "\"a b\" cannot name a model: expected a letter or digit"),
      (["import", weights, "--model", "x", "--version", "active"], 64, "that name is reserved"),
      (["import", weights, "--model", "mamba", "--version", "v1.0"], 73, "a published state dict never changes"),
      (["list-models", "--store", fixture.scratch("no")], 66, "there is no weight store at \(fixture.scratch("no"))"),
    ] {
      let command = try fixture.tantra(arguments)
      #expect(command.status == status, "\(arguments) \(command.errorText)")
      #expect(command.errorText.contains(words), "\(arguments) \(command.errorText)")
    }
    try fixture.scratch.write("store/weight_config.json", Array(#"{"format": 999, "models": {}}"#.utf8))
    for arguments in [["list-models"], ["set-active", "mamba", "v1.0"], ["upgrade-store"]] {
      let command = try fixture.tantra(arguments)
      #expect(command.status == 65 && command.errorText.contains("the store has format 999"), "\(command.errorText)")
    }
  }

  @Test func everyReportIsAlsoJSON() throws {
    let weights = try fixture.scratch.write("x.pt", try SmallWeights.example().torchZip())
    for arguments in [
      ["import", weights, "--model", "x"], ["generate", "mamba", "--seed", "2", "--version", "v1.1"], ["list-models"],
      ["list-weights"], ["status"], ["stats"], ["set-active", "mamba", "v1.1"], ["rollback", "mamba"],
      ["history", "mamba"], ["show", "mamba"], ["show", "mamba/active", "--tensors"], ["tag", "mamba/v1.1", "stable"],
      ["rm", "mamba/stable"], ["config"], ["diff", "mamba", "v1.0", "v1.0"], ["validate", "x"],
      ["export", "x", "--to", fixture.scratch("out")], ["backup", "x", "v1.0"], ["cleanup", "mamba", "--keep", "1"],
      ["restore", "mamba", "v1.1"], ["purge"], ["upgrade-store"],
    ] {
      let command = try fixture.tantra(arguments + ["--json"])
      #expect(command.status == 0, "\(arguments) \(command.errorText)")
      #expect(throws: Never.self, "\(arguments)") { try JSONSerialization.jsonObject(with: command.output) }
    }
  }

  @Test(arguments: [false, true]) func versionsAreShownTaggedAndRemoved(isMounted: Bool) throws {
    let weights = try fixture.scratch.write("x.pt", try SmallWeights.example().torchZip())
    for version in ["v1", "v2"] { try fixture.succeed("import", weights, "--model", "x", "--version", version) }
    if isMounted { try fixture.mount() }
    #expect(try fixture.succeed("tag", "x/v1", "stable") == "x/stable -> v1\n")
    let shown = try fixture.succeed("show", "x/stable", "--tensors")
    for words in ["x/v1  (active, link stable)", "from x.pt", "model.safetensors", "synthesized", "a.bias"] {
      #expect(shown.contains(words), "\(shown)")
    }
    #expect(try fixture.succeed("show", "x").contains("v1       active stable"))
    // It moves, and what has the name of a version is none.
    #expect(try fixture.succeed("tag", "x", "v2", "stable") == "x/stable -> v2\n")
    for (arguments, status, words) in [
      (["tag", "x/v1", "v2"], Int32(73), "is a version itself"), (["tag", "x/v1", "active"], 64, "set-active"),
      (["tag", "x/v9", "old"], 66, "no version"), (["tag", "x/v1"], 64, "expected MODEL/VERSION and a name"),
      (["rm", "x/v1"], 1, "active"), (["rm", "x/v2"], 1, "stable"), (["rm", "x/v9"], 66, "no version"),
      (["rm", "y"], 66, "no model"), (["show", "x/v9"], 66, "no version"), (["show", "y"], 66, "no model"),
      (["show", "x", "--tensors"], 64, "which version"),
    ] {
      let command = try fixture.tantra(arguments)
      #expect(command.status == status, "\(arguments) \(command.errorText)")
      #expect(command.errorText.contains(words), "\(arguments) \(command.errorText)")
    }
    #expect(try fixture.succeed("rm", "x/stable") == "removed x/stable\n")
    #expect(try fixture.succeed("rm", "x/v2") == "removed x/v2\n")
    #expect(try fixture.succeed("restore", "x", "v2") == "x/v2: restored\n")
    #expect(try fixture.succeed("rm", "x") == "removed x/v1\nremoved x/v2\n")
    #expect(try fixture.succeed("restore", "x", "v1") == "x/v1: restored\n")
  }

  @Test func aStoreInUseIsNamedAndExitsWith75() throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    let command = try fixture.tantra(["generate", "mamba", "--version", "v2.0"])
    #expect(command.status == 75)
    #expect(command.errorText.contains("process \(pid)"), "\(command.errorText)")
    #expect(command.errorText.contains("tantra unmount \(fixture.mountpoint)"))
  }

  @Test(arguments: [false, true])
  func importActsDirectlyAndThroughTheMountAlike(mounted: Bool) throws {
    if mounted { try fixture.mount() }
    try FileManager.default.createDirectory(atPath: fixture.scratch("hf/vocab"), withIntermediateDirectories: true)
    try fixture.scratch.write("hf/model.safetensors", try SmallWeights.example().safetensors())
    try fixture.scratch.write("hf/vocab/merges.txt", Array("a b".utf8))
    let other = try fixture.scratch.write("other.pt", try SmallWeights.example(bias: 9).torchZip())
    let first = try fixture.succeed("import", fixture.scratch("hf"), "--model", "folder")
    #expect(
      first.hasSuffix("-> folder/v1.0: 3 tensors, 47 parameters; model.bin, model.pt, model.safetensors; active\n"))
    let refused = try fixture.tantra(["import", other, "--model", "folder", "--version", "v1.0"])
    #expect(refused.status == 73, "\(refused.errorText)")
    #expect(refused.errorText.contains("a.bias"), "\(refused.errorText)")
    try fixture.scratch.write("text.pt", Array("no weights".utf8))
    #expect(try fixture.tantra(["import", fixture.scratch("text.pt"), "--model", "text"]).status == 65)
    try fixture.succeed("import", other, "--model", "folder", "--version", "v1.1", "--active")
    #expect(try fixture.succeed("list-models").contains("folder            v1.1    2"))
    #expect(!(try fixture.succeed("list-models").contains("text")))
  }

  @Test func aMountThatDoesNotAnswerChangesNothingAndExitsWith75() throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    #expect(kill(pid, SIGSTOP) == 0)
    defer { kill(pid, SIGCONT) }
    let start = Date()
    let command = try fixture.tantra(["set-active", "mamba", "v1.0"])
    #expect(command.status == 75)
    #expect(command.errorText.contains("process \(pid)") && command.errorText.contains("nothing was changed"))
    #expect(Date().timeIntervalSince(start) < 60)
  }
}
