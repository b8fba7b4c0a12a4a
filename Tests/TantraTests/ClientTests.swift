import Foundation
import TestSupport
import Testing

/// Commands on a store that is mounted, or was.
@Suite(canMount, .onWaitingThreads) struct ClientTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  // MARK: Finding the mount

  @Test func unmountWithoutAMountpointTakesTheStoresOwnMount() throws {
    try fixture.mount()
    try fixture.succeed("unmount")
    #expect(!fixture.isMounted)
    let again = try fixture.tantra(["unmount"])
    #expect(again.status == 1 && again.errorText.contains("is not mounted"), "\(again.errorText)")
  }

  @Test func unmountOfAStoreNeverTakesAnothersMount() throws {
    let other = try TantraFixture()
    try fixture.mount()
    let refused = try other.tantra(["unmount", "--store", other.storePath])
    #expect(refused.status == 1 && refused.errorText.contains("is not mounted"), "\(refused.errorText)")
    #expect(fixture.isMounted)
  }

  @Test func aLockFileOfThePastDoesNotTakeAnothersMount() throws {
    let other = try TantraFixture()
    try other.succeed("mount", fixture.mountpoint)
    try other.succeed("unmount", fixture.mountpoint)
    try fixture.mount()
    let refused = try other.tantra(["unmount"])
    #expect(refused.status == 1 && refused.errorText.contains("is not mounted"), "\(refused.errorText)")
    #expect(fixture.isMounted)
  }

  @Test func unmountClearsAwayWhatAKilledDaemonLeft() throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    #expect(kill(pid, SIGKILL) == 0)
    #expect(eventually { kill(pid, 0) != 0 })
    try fixture.succeed("unmount")
    #expect(!fixture.isMounted)
  }

  /// A version whose manifest never ends being read: whoever looked at all of them would wait for it.
  @Test func aMountIsAliveWhateverItsVersionsAreLike() throws {
    let file = try fixture.scratch.write("b.safetensors", try SmallWeights.example(bias: 2).safetensors())
    try fixture.succeed("import", file, "--model", "small", "--version", "v1.0")
    let manifest = fixture.storePath + "/models/small/v1.0.json"
    #expect(try Command.run("sh", ["-c", "rm '\(manifest)' && mkfifo '\(manifest)'"]).status == 0)
    try fixture.mount()
    let change = try fixture.tantra(["set-active", "mamba", "v1.0"])
    #expect(change.status == 0, "\(change.errorText)")
    #expect(try fixture.text(".control/version").contains("store \(fixture.storePath)\n"))
  }

  @Test func aMountThatIsStoppedIsGivenUp() throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    #expect(kill(pid, SIGSTOP) == 0)
    defer { kill(pid, SIGCONT) }
    let start = Date()
    let change = try fixture.tantra(["set-active", "mamba", "v1.0"])
    #expect(change.status == 75 && change.errorText.contains("does not answer"), "\(change.errorText)")
    #expect(Date().timeIntervalSince(start) < 30)
  }

  @Test func errorsAreTheSameThroughAMountAndDirectly() throws {
    let commands = [
      ["set-active", "mamba", "v9"], ["set-active", "nope", "v1.0"], ["rollback", "mamba"],
      ["restore", "mamba", "v1.0"],
      ["backup", "mamba", "v9"], ["cleanup", "mamba"], ["purge", "nope"], ["config", "mamba", "keep", "many"],
      ["validate", "nope"],
    ]
    let direct = try commands.map { try fixture.tantra($0) }
    try fixture.mount()
    for (command, direct) in zip(commands, direct) {
      let mounted = try fixture.tantra(command)
      #expect(mounted.status == direct.status && mounted.status != 0, "\(command)")
      #expect(mounted.errorText == direct.errorText)
    }
  }

  // MARK: Imports

  /// Weights and files beside them, as a trainer leaves them.
  private func folder(_ name: String, bias: Float, _ files: [String: String]) throws -> String {
    let path = fixture.scratch(name)
    try FileManager.default.createDirectory(atPath: path + "/sub", withIntermediateDirectories: true)
    try fixture.scratch.write("\(name)/model.safetensors", try SmallWeights.example(bias: bias).safetensors())
    for (file, text) in files { try fixture.scratch.write("\(name)/\(file)", Array(text.utf8)) }
    return path
  }

  /// Every file of the store's version as it is exported, and the names of those that nobody is to see.
  private func content(_ model: String, _ version: String) throws -> String {
    let target = fixture.scratch("export-\(UUID().uuidString)")
    try fixture.succeed("export", model, version, "--folder", "--to", target)
    return try Command.run("sh", ["-c", "cd '\(target)' && find . -type f | sort | xargs sha256sum"]).outputText
  }

  @Test(arguments: [false, true])
  func aRefusedImportIntoAVersionChangesNothing(isMounted: Bool) throws {
    let first = try folder("a", bias: 1, ["config.json": "{}", "sub/notes.txt": "first"])
    let second = try folder(
      "b", bias: 2, ["config.json": "{\"b\": 1}", "sub/notes.txt": "second", "sub/more.txt": "more"])
    try fixture.succeed("import", first, "--model", "x", "--version", "v1")
    if isMounted { try fixture.mount() }
    let before = try content("x", "v1")
    let refused = try fixture.tantra(["import", second, "--model", "x", "--version", "v1"])
    #expect(refused.status == 73, "\(refused.errorText)")
    #expect(try content("x", "v1") == before)
    if isMounted {
      #expect(try Command.run("find", [fixture.mountpoint + "/x", "-name", ".*"]).outputText.isEmpty)
    }
  }

  @Test(arguments: [false, true])
  func theSameWeightsBringTheirFilesAlong(isMounted: Bool) throws {
    try fixture.succeed(
      "import", try folder("a", bias: 1, ["config.json": "{}", "sub/notes.txt": "first"]), "--model", "x", "--version",
      "v1")
    if isMounted { try fixture.mount() }
    try fixture.succeed(
      "import", try folder("b", bias: 1, ["config.json": "{\"b\": 1}", "new.txt": "new"]), "--model", "x", "--version",
      "v1")
    let target = fixture.scratch("out")
    try fixture.succeed("export", "x", "v1", "--folder", "--to", target)
    #expect(try String(contentsOfFile: target + "/x_v1/config.json", encoding: .utf8) == "{\"b\": 1}")
    #expect(try String(contentsOfFile: target + "/x_v1/sub/notes.txt", encoding: .utf8) == "first")
    #expect(try String(contentsOfFile: target + "/x_v1/new.txt", encoding: .utf8) == "new")
    #expect(try FileManager.default.contentsOfDirectory(atPath: target + "/x_v1").allSatisfy { !$0.hasPrefix(".") })
  }

  @Test func aVersionThatCannotBePublishedLeavesNoFolder() throws {
    let path = try folder("a", bias: 1, ["config.json": "{}", "sub/notes.txt": "first"])
    try fixture.scratch.write("a/model.safetensors", Array("no weights".utf8))
    try fixture.mount()
    #expect(try fixture.tantra(["import", path, "--model", "x", "--version", "v1"]).status == 65)
    #expect(!FileManager.default.fileExists(atPath: fixture.mountpoint + "/x"))
  }

  @Test(arguments: [false, true])
  func twoFoldersNeverBecomeOneVersion(isMounted: Bool) throws {
    let first = try folder("a", bias: 1, ["config.json": "{\"of\": 1}"])
    let second = try folder("b", bias: 2, ["config.json": "{\"of\": 2}"])
    if isMounted { try fixture.mount() }
    for version in [["--version", "v1"], []] {
      let refused = try fixture.tantra(["import", first, second, "--model", "x"] + version)
      #expect(refused.status == 64 && refused.errorText.contains("a version of its own"), "\(refused.errorText)")
    }
    #expect(try fixture.tantra(["list-weights", "x"]).status == 66)
  }

  @Test(arguments: [false, true])
  func foldersOfCheckpointsBecomeVersionsOfTheirNames(isMounted: Bool) throws {
    let folders = try [20, 25].map { number in
      try folder("checkpoint-\(number)", bias: Float(number), ["trainer_state.json": "\(number)"])
    }
    if isMounted { try fixture.mount() }
    #expect(try fixture.tantra(["import"] + folders + ["--model", "lm"]).status == 0)
    for number in [20, 25] {
      let target = fixture.scratch("out-\(number)")
      try fixture.succeed("export", "lm", "checkpoint-\(number)", "--folder", "--to", target)
      let state = target + "/lm_checkpoint-\(number)/trainer_state.json"
      #expect(try String(contentsOfFile: state, encoding: .utf8) == "\(number)")
    }
  }
}
