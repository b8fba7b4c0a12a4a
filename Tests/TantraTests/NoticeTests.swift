import Foundation
import TestSupport
import Testing

/// Whatever is wrong with a version or a store is told where people look, and not only where they ask for it.
@Suite(canMount, .onWaitingThreads) struct NoticeTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(shipped: false) }

  private func weights(_ name: String = "x.safetensors", bias: Float = 1) throws -> String {
    try fixture.scratch.write(name, try SmallWeights([("bias", [bias])]).safetensors())
  }

  /// Runs a command without the fixture's store.
  private func run(_ arguments: String...) throws -> Command {
    try Command.run(
      TantraFixture.executable, arguments, environment: ["TANTRA_STORE": "", "HOME": fixture.scratch("home")])
  }

  // MARK: Quarantine

  @Test(arguments: [false, true])
  func aPickleThatRunsCodeIsTold(isMounted: Bool) throws {
    try FileManager.default.createDirectory(
      atPath: fixture.scratch("folder/extra"), withIntermediateDirectories: true)
    _ = try weights("folder/model.safetensors")
    try fixture.scratch.write("folder/extra/evil.pkl", Array("cposix\nsystem\n(S'true'\ntR.".utf8))
    if isMounted {
      try fixture.succeed("init")
      try fixture.mount()
    }
    let imported = try fixture.tantra(["import", fixture.scratch("folder"), "--model", "m", "--version", "v1"])
    #expect(imported.status == 0)
    #expect(imported.errorText.contains("extra/evil.pkl is kept and does not open"), "\(imported.errorText)")
    #expect(imported.errorText.contains("tantra config m pickles allow"))
    let shown = try fixture.succeed("show", "m/v1")
    #expect(shown.contains("quarantined") && shown.contains("posix.system"), "\(shown)")
    let validated = try fixture.succeed("validate", "m")
    #expect(validated.contains("extra/evil.pkl does not open"), "\(validated)")
    // What a policy allows is no news.
    try fixture.succeed("config", "m", "pickles", "allow")
    #expect(try !fixture.succeed("show", "m/v1").contains("quarantined"))
  }

  // MARK: Damage

  @Test func damageThatIsKnownIsToldUntilItIsMended() throws {
    let file = try weights()
    try fixture.succeed("import", file, "--model", "m", "--version", "v1")
    try fixture.damage("m", "v1")
    #expect(try !fixture.succeed("ls").contains("damaged"))
    #expect(try fixture.tantra(["validate", "m"]).status == 1)
    #expect(try fixture.succeed("ls").contains("active damaged"))
    #expect(try fixture.succeed("status").contains("DAMAGED    m/v1"))
    #expect(try fixture.succeed("status", "m").contains("DAMAGED    v1"))
    let shown = try fixture.succeed("show", "m/v1")
    #expect(shown.contains("DAMAGED") && shown.contains("bias"), "\(shown)")
    // With the policy, choosing what is active already is refused like any other choice.
    try fixture.succeed("config", "m", "validate-before-activate", "yes")
    let chosen = try fixture.tantra(["set-active", "m", "v1"])
    #expect(chosen.status == 65 && chosen.errorText.contains("it is active all the same"), "\(chosen.errorText)")
    // A copy to another disk names what is to be done, and leaves no store behind.
    let copied = try fixture.tantra(["backup", "m", "v1", "--to", fixture.scratch("disk/store")])
    #expect(copied.status == 65 && copied.errorText.contains("tantra validate m v1"), "\(copied.errorText)")
    #expect(!FileManager.default.fileExists(atPath: fixture.scratch("disk")))
    try fixture.succeed("import", file, "--model", "m", "--version", "v1")
    for command in [["ls"], ["status"], ["show", "m/v1"]] {
      #expect(try !fixture.tantra(command).outputText.uppercased().contains("DAMAGED"), "\(command)")
    }
    try fixture.succeed("set-active", "m", "v1")
  }

  // MARK: Stores that nobody made

  @Test func aNewStoreIsAnnouncedAndGoesIfNothingComesIntoIt() throws {
    let missing = fixture.scratch("mistyped/deep/store")
    let empty = try fixture.scratch.write("empty.safetensors", [])
    for arguments in [
      ["import", empty, "--model", "m", "--store", missing],
      ["import", try weights(), "--store", missing, "--model", "a b"],
      ["pull", "oci:\(fixture.scratch("none")):v1", "--store", missing],
    ] {
      let failed = try Command.run(TantraFixture.executable, arguments)
      #expect(failed.status != 0)
      #expect(!FileManager.default.fileExists(atPath: fixture.scratch("mistyped")), "\(arguments)")
    }
    let made = try run("import", try weights(), "--model", "m", "--store", missing)
    #expect(made.status == 0 && made.errorText.contains("made a new store: \(missing)"), "\(made.errorText)")
    let again = try run("import", try weights("y.safetensors", bias: 2), "--model", "n", "--store", missing)
    #expect(again.status == 0 && !again.errorText.contains("made a new store"), "\(again.errorText)")
  }

  @Test(arguments: ["empty", "truncated", "garbage"])
  func anImportThatIsRefusedLeavesNothingInAMount(kind: String) throws {
    let whole = try SmallWeights([("bias", [1, 2, 3, 4])]).safetensors()
    let bytes = kind == "empty" ? [] : kind == "truncated" ? Array(whole.dropLast(3)) : Array("no weights at all".utf8)
    let file = try fixture.scratch.write("x.safetensors", bytes)
    let direct = try run("import", file, "--model", "m", "--store", fixture.scratch("other"))
    try fixture.succeed("init")
    try fixture.mount()
    let refused = try fixture.tantra(["import", file, "--model", "m", "--version", "v1"])
    #expect(refused.status == 65 && refused.status == direct.status, "\(refused.errorText)")
    #expect(refused.errorText.contains("x.safetensors"), "\(refused.errorText)")
    #expect(!FileManager.default.fileExists(atPath: fixture.mountpoint + "/m"))
  }

  // MARK: Daemons that do not answer

  @Test func aStoppedDaemonHoldsUpNobodyForEver() throws {
    try fixture.succeed("generate", "mamba")
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    kill(pid, SIGSTOP)
    defer { kill(pid, SIGCONT) }
    let answer = try fixture.tantra(["run", "mamba", "--prompt", "In", "--max-tokens", "2"])
    #expect(answer.status == 0 && answer.errorText.contains("does not answer"), "\(answer.errorText)")
    let unmounted = try fixture.tantra(["unmount", fixture.mountpoint])
    #expect(unmounted.status == 1 && unmounted.errorText.contains("kill -CONT"), "\(unmounted.errorText)")
    try fixture.succeed("unmount", "--lazy", fixture.mountpoint)
    let held = try fixture.tantra(["set-active", "mamba", "v1.0"])
    #expect(held.status == 75 && held.errorText.contains("was taken down"), "\(held.errorText)")
  }

  // MARK: Names

  @Test func aVersionMayBeNamedEverywhereAndByItsLinks() throws {
    for bias in [1, 2] as [Float] {
      try fixture.succeed("import", try weights(bias: bias), "--model", "m", "--version", "v\(Int(bias))")
    }
    try fixture.succeed("tag", "m/v2", "stable")
    #expect(try fixture.succeed("ls", "m/stable").split(separator: "\n").count == 2)
    #expect(try fixture.succeed("stats", "m/v1").contains("v1"))
    #expect(try !fixture.succeed("stats", "m/v1").contains("v2"))
    #expect(try fixture.succeed("set-active", "m/stable").contains("v2"))
    try fixture.succeed("tag", "m/active", "best")
    #expect(try fixture.succeed("show", "m/v2").contains("active, link best, link stable"))
    #expect(try fixture.succeed("validate", "m/active").contains("m/v2: valid"))
    try fixture.succeed("push", "m", "v1", "oci:\(fixture.scratch("layout")):v1")
  }

  @Test func aModelThatIsRemovedLeavesNoFolder() throws {
    try fixture.succeed("init")
    try fixture.mount()
    try FileManager.default.createDirectory(
      atPath: fixture.mountpoint + "/m/v1", withIntermediateDirectories: true)
    try fixture.scratch.write("weights/m/v1/model.safetensors", try SmallWeights([("bias", [1])]).safetensors())
    try fixture.succeed("rm", "m")
    #expect(!FileManager.default.fileExists(atPath: fixture.mountpoint + "/m"))
    try fixture.succeed("restore", "m", "v1")
    #expect(FileManager.default.fileExists(atPath: fixture.mountpoint + "/m/v1/model.pt"))
  }

  // MARK: The way on

  /// Whether or not it is mounted, and whether or not somebody has chosen the version: intact bytes mend damaged ones.
  @Test(arguments: [false, true])
  func whatIsDamagedIsMendedInAChosenVersion(isMounted: Bool) throws {
    try FileManager.default.createDirectory(atPath: fixture.scratch("folder"), withIntermediateDirectories: true)
    _ = try weights("folder/model.safetensors")
    try fixture.scratch.write("folder/config.json", Array("{\"hidden_size\": 4}".utf8))
    let folder = fixture.scratch("folder")
    let publish = ["import", folder, "--model", "m", "--version", "v1"]
    try #require(fixture.tantra(publish).status == 0)
    try fixture.succeed("set-active", "m", "v1")
    let path = try fixture.blob(of: "m", "v1", file: "config.json")
    if isMounted { try fixture.mount() }
    // What is the same already is no change.
    let same = try fixture.tantra(publish)
    #expect(same.status == 0 && same.outputText.contains("it was there already"), "\(same.errorText)")
    try fixture.scratch.write(path, Array("{\"hidden_size\"; 4}".utf8))
    #expect(try fixture.tantra(["validate", "m"]).status == 1)
    let mended = try fixture.tantra(publish)
    #expect(mended.status == 0 && mended.outputText.contains("is mended"), "\(mended.errorText)")
    #expect(try fixture.succeed("validate", "m").contains("m/v1: valid"))
    if isMounted { #expect(try fixture.text("m/v1/config.json") == "{\"hidden_size\": 4}") }
    // Another file is a change, and refused.
    try fixture.scratch.write("folder/config.json", Array("{\"hidden_size\": 5}".utf8))
    #expect(try fixture.tantra(publish).status != 0)
  }

  @Test(arguments: [false, true])
  func shardsAreImported(isMounted: Bool) throws {
    let script = """
      import sys, torch
      from transformers import GPT2Config, GPT2LMHeadModel
      torch.manual_seed(0)
      model = GPT2LMHeadModel(GPT2Config(n_layer=2, n_embd=32, n_head=2, vocab_size=100, n_positions=16))
      model.save_pretrained(sys.argv[1], max_shard_size="40KB")
      """
    let folder = fixture.scratch("sharded")
    try #require(Command.run(Python.interpreter, ["-c", script, folder]).status == 0)
    if isMounted {
      try fixture.succeed("init")
      try fixture.mount()
    }
    let told = try fixture.succeed("import", folder, "--model", "m", "--dry-run")
    #expect(told.contains("would publish m/v1.0: model.bin, model.pt, model.safetensors; active"), "\(told)")
    let done = try fixture.succeed("import", folder + "/", "--model", "m")
    #expect(done.contains("model.bin, model.pt, model.safetensors"), "\(done)")
    if !isMounted { try fixture.mount() }
    let load = """
      import sys, torch
      from transformers import GPT2LMHeadModel
      from safetensors.torch import load_file
      left, right = (GPT2LMHeadModel.from_pretrained(path).state_dict() for path in sys.argv[1:3])
      assert left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)
      assert torch.equal(load_file(sys.argv[2] + "/model.safetensors")["transformer.wte.weight"], left["transformer.wte.weight"])
      """
    let loaded = try Command.run(Python.interpreter, ["-c", load, folder, fixture.mountpoint + "/m/active"])
    #expect(loaded.status == 0, "\(loaded.errorText)")
    // A set with a hole is refused before anything is written.
    let shards = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains("-of-") }.sorted()
    try FileManager.default.removeItem(atPath: folder + "/" + shards[0])
    let refused = try fixture.tantra(["import", folder, "--model", "n"])
    #expect(refused.status == 65 && refused.errorText.contains("names \(shards[0])"), "\(refused.errorText)")
    #expect(!FileManager.default.fileExists(atPath: fixture.mountpoint + "/n"))
  }

  @Test func aBackupIsTakenAwayByItsNumber() throws {
    try fixture.succeed("import", try weights(), "--model", "m", "--version", "v1")
    #expect(try fixture.succeed("backup", "m/v1").contains("pinned as backup 1"))
    #expect(try fixture.succeed("backup", "m/v1").contains("pinned as backup 1"))
    #expect(try fixture.tantra(["purge", "m/v1@7"]).status == 66)
    #expect(try fixture.succeed("purge", "m/v1@1", "--dry-run").contains("would purge m/v1@1"))
    try fixture.mount()
    #expect(try fixture.succeed("purge", "m/v1@1").contains("purged m/v1@1"))
    #expect(try !fixture.succeed("ls", "--all").contains("backup"))
    #expect(FileManager.default.fileExists(atPath: fixture.mountpoint + "/m/v1/model.pt"))
  }

  @Test func rollingBackWithoutAnActiveVersionTakesTheLast() throws {
    for bias in [1, 2, 3] as [Float] {
      try fixture.succeed("import", try weights(bias: bias), "--model", "m", "--version", "v\(Int(bias))")
    }
    try fixture.succeed("set-active", "m", "v2")
    try fixture.succeed("set-active", "m", "v3")
    try fixture.mount()
    try FileManager.default.removeItem(atPath: fixture.mountpoint + "/m/active")
    #expect(try fixture.succeed("rollback", "m") == "m: v3\n")
    #expect(try fixture.succeed("rollback", "m") == "m: v3 -> v2\n")
    #expect(try fixture.succeed("set-active", "m", "v2") == "m: v2, as before\n")
  }

  @Test func whatWasRemovedIsCalledSo() throws {
    try fixture.succeed("import", try weights(), "--model", "m", "--version", "v1")
    try fixture.succeed("import", try weights(bias: 2), "--model", "m", "--version", "v2")
    try fixture.succeed("rm", "m/v2")
    #expect(try fixture.tantra(["set-active", "m", "v2"]).errorText.contains("tantra restore m v2"))
    try fixture.succeed("rm", "m")
    #expect(try fixture.tantra(["show", "m"]).errorText.contains("m was removed"))
    try fixture.mount()
    try FileManager.default.createDirectory(atPath: fixture.mountpoint + "/n", withIntermediateDirectories: false)
    try fixture.scratch.write("weights/n/last.pt", try SmallWeights([("bias", [1])]).torchZip())
    #expect(try fixture.tantra(["ls"]).errorText.contains("n/last.pt ("))
    #expect(try fixture.succeed("show", "n").contains("in its own folder, as no version: last.pt"))
  }
}
