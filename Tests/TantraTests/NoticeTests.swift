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
    struct Manifest: Decodable {
      struct Original: Decodable { var blob: String }
      var weights: [Original]
    }
    let manifest = try JSONDecoder().decode(
      Manifest.self, from: Data(try fixture.scratch.read("store/models/m/v1.json")))
    let blob = manifest.weights[0].blob
    let path = "store/weights/sha256/\(blob.prefix(2))/\(blob.dropFirst(2))"
    var bytes = try fixture.scratch.read(path)
    bytes[bytes.count - 1] ^= 0x10
    try fixture.scratch.write(path, bytes)
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
}
