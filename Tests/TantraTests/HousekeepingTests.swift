import Foundation
import Glibc
import TestSupport
import Testing

/// What a mounted store removes by itself.
@Suite(canMount, .onWaitingThreads) struct HousekeepingTests {
  let fixture: TantraFixture

  init() throws {
    fixture = try TantraFixture()
    for seed in ["1", "2"] { try fixture.succeed("generate", "mamba", "--seed", seed, "--version", "v1.\(seed)") }
  }

  /// Versions that are in the tree, backed up, or removed and restorable: lines of a listing.
  private func kept(_ model: String) throws -> [Substring] {
    Array(try fixture.succeed("list-weights", model, "--all").split(separator: "\n").dropFirst())
  }

  private func isRestorable(_ version: String, of model: String = "mamba") -> Bool {
    (try? kept(model).contains { $0.contains(version) && $0.contains("removed") }) ?? true
  }

  private var blobCount: Int { (try? fixture.scratch.files(below: "store/weights").count) ?? .max }

  @Test func removedVersionsGoWhenTheirTimeHasCome() throws {
    try fixture.mount()
    let before = blobCount
    try fixture.succeed("backup", "mamba", "v1.1")
    try fixture.succeed("config", "--store-wide", "restorable", "8s")
    try fixture.succeed("cleanup", "mamba", "--keep", "2")
    #expect(isRestorable("v1.2"))
    #expect(eventually { !isRestorable("v1.2") })
    #expect(eventually { blobCount == before - 2 })
    // The log tells when everything is done.
    let line = "purge by itself, since its time had come: purged mamba/v1.2"
    #expect(eventually { (try? fixture.text(".control/log").contains(line)) == true })
    // What is chosen stays: the active version, and one with a backup.
    let versions = try kept("mamba").map { $0.split(separator: " ")[1] }
    #expect(versions.contains("v1.0") && versions.contains("v1.1"))
    #expect(try fixture.succeed("validate", "mamba").contains("mamba/v1.1: valid"))
  }

  @Test func aModelsOwnTimeComesBeforeThatOfTheStore() throws {
    try fixture.succeed("generate", "ocr_native", "--seed", "5", "--version", "v1.1")
    try fixture.mount()
    try fixture.succeed("config", "--store-wide", "restorable", "1s")
    try fixture.succeed("config", "mamba", "restorable", "forever")
    try fixture.succeed("cleanup", "ocr_native", "--keep", "1")
    try fixture.succeed("cleanup", "mamba", "--keep", "1")
    #expect(eventually { !isRestorable("v1.1", of: "ocr_native") })
    #expect(isRestorable("v1.1") && isRestorable("v1.2"))
    // Taken back, the store's holds.
    try fixture.succeed("config", "mamba", "restorable", "--unset")
    #expect(eventually { !isRestorable("v1.1") && !isRestorable("v1.2") })
  }

  @Test func checkpointsHaveATimeOfTheirOwn() throws {
    try fixture.succeed("generate", "mamba", "--seed", "9", "--version", "checkpoint-9")
    try fixture.mount()
    try fixture.succeed("config", "mamba", "restorable-checkpoints", "1s")
    for version in ["checkpoint-9", "v1.2"] {
      #expect(try Command.run("rm", ["-r", fixture.mountpoint + "/mamba/" + version]).errorText == "")
    }
    #expect(eventually { !isRestorable("checkpoint-9") })
    #expect(isRestorable("v1.2"))
    try fixture.succeed("restore", "mamba", "v1.2")
  }

  @Test func whatReplacedFilesLeaveGoesToo() throws {
    let before = blobCount
    for text in ["one", "two", "three"] {
      try fixture.mount()
      try Data(text.utf8).write(to: URL(fileURLWithPath: fixture.mountpoint + "/mamba/v1.2/notes.txt"))
      try fixture.succeed("unmount", fixture.mountpoint)
    }
    #expect(blobCount > before + 2, "nothing is left to remove")
    try fixture.mount()
    try fixture.succeed("config", "--store-wide", "restorable-checkpoints", "1s")
    // What it was before it was replaced last goes with the edition, should other weights come.
    #expect(eventually { blobCount == before + 2 }, "\(blobCount), not \(before + 2)")
    #expect(try fixture.text("mamba/v1.2/notes.txt") == "three")
  }

  @Test func aPolicyCanBeSetBeforeThereIsTheModel() throws {
    try fixture.mount()
    let output = try fixture.succeed("config", "later", "keep", "3")
    #expect(output.contains("later  keep    3      set"), "\(output)")
    let folder = fixture.mountpoint + "/later"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    #expect(try Command.run("cp", ["-r", fixture.mountpoint + "/mamba/v1.1", folder]).errorText == "")
    #expect(try fixture.succeed("config", "later", "keep").contains("3      set"))
    #expect(try fixture.succeed("list-models").contains("later"))
  }

  @Test(arguments: [false, true]) func aModelsOwnPolicyComesFirstThenTheStoresThenTheDefault(mounted: Bool) throws {
    if mounted { try fixture.mount() }
    #expect(try fixture.succeed("config", "mamba", "keep").contains("none   default"))
    #expect(try fixture.succeed("config", "--store-wide", "keep", "7").contains("(all)  keep    7      set"))
    #expect(try fixture.succeed("config", "mamba", "keep").contains("7      store"))
    #expect(try fixture.succeed("config", "mamba", "keep", "none").contains("none   set"))
    #expect(try fixture.succeed("config", "--store-wide", "--unset", "keep").contains("none   default"))
    try fixture.succeed("config", "mamba", "keep", "--unset")
    #expect(try fixture.succeed("config", "mamba", "keep").contains("none   default"))
    if mounted {
      #expect(try Command.run("sh", ["-c", "echo all keep 4 > \(fixture.mountpoint)/.control/config"]).status == 0)
    }
    if mounted { #expect(try fixture.text(".control/config").contains("all keep 4\n")) }
    let refused = try fixture.tantra(["config", "--store-wide", "restorable", "soon"])
    #expect(refused.status == 64 && refused.errorText.contains("expected a time"), "\(refused.errorText)")
  }

  @Test(.enabled(if: geteuid() == 0, "mounting a small tmpfs needs root"))
  func removedVersionsGoBeforeTheirTimeWhenTheDiskIsNearlyFull() throws {
    let disk = fixture.scratch("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    try #require(try Command.run("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", disk]).status == 0)
    defer { _ = try? Command.run("umount", ["-l", disk]) }
    let store = disk + "/store"
    try #require(try Command.run("cp", ["-r", fixture.storePath, store]).status == 0)
    let mountpoint = fixture.scratch("small")
    func tantra(_ arguments: String...) throws -> String {
      let command = try Command.run(TantraFixture.executable, arguments, environment: ["TANTRA_STORE": store])
      #expect(command.status == 0, "\(command.errorText)")
      return command.outputText
    }
    _ = try tantra("mount", mountpoint)
    defer { _ = try? Command.run("umount", ["-l", mountpoint]) }
    _ = try tantra("cleanup", "mamba", "--keep", "1")
    #expect(try tantra("list-weights", "mamba", "--all").contains("removed"))
    let free = try #require(Int(Command.run("stat", ["-f", "-c", "%a", disk]).outputText.dropLast()))
    _ = try Command.run(
      "dd", ["if=/dev/zero", "of=\(disk)/ballast", "bs=4096", "count=\(free - (64 << 20) / 4096 / 40)"])
    // Any change makes it look.
    _ = try tantra("config", "mamba", "keep", "5")
    func listing() throws -> String { try tantra("list-weights", "mamba", "--all") }
    #expect(eventually { (try? listing().contains("v1.1")) == false })
    // The first that was removed is enough: the other one stays restorable.
    #expect(try listing().contains("v1.2"))
    func log() throws -> String { try String(contentsOfFile: mountpoint + "/.control/log", encoding: .utf8) }
    #expect(eventually { (try? log().contains("the disk is nearly full: purged mamba/v1.1")) == true })
  }
}
