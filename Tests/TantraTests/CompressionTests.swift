import Foundation
import TestSupport
import Testing

/// Versions that are compressed, through the program and through real mounts.
@Suite(canMount, .onWaitingThreads) struct CompressionTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  private func packedFiles() throws -> [String] {
    try fixture.scratch.files(below: "store/weights").filter { $0.hasSuffix(".z") }
  }

  /// Copies out what a mount shows of a version.
  private func copyOut(_ folder: String, to name: String) throws {
    let copy = try Command.run("cp", ["-r", fixture.mountpoint + "/" + folder, fixture.scratch(name)])
    try #require(copy.status == 0, "\(copy.errorText)")
  }

  private func expectSame(_ folder: String, as name: String, seed: Int) throws {
    _ = try Python.oracle(
      "mount_compressed.py", [fixture.mountpoint + "/" + folder, fixture.scratch(name), "\(seed)"])
  }

  /// Publishes what one more step of training makes of v1.0.
  private func trainOn(as version: String) throws {
    let original = fixture.scratch("trained/model.safetensors")
    try FileManager.default.createDirectory(atPath: fixture.scratch("trained"), withIntermediateDirectories: true)
    try fixture.succeed("export", "mamba", "v1.0", "--format", "safetensors", "--to", fixture.scratch("trained"))
    let step = """
      import sys, torch
      from safetensors.torch import load_file, save_file
      torch.manual_seed(1)
      weights = load_file(sys.argv[1])
      save_file({name: t + 1e-4 * t.std(correction=0) * torch.randn_like(t) for name, t in weights.items()}, sys.argv[2])
      """
    let made = try Python.run(
      step, [fixture.scratch("trained/mamba_v1.0_safetensors.safetensors"), original])
    try #require(made.status == 0, "\(made.errorText)")
    try fixture.succeed("import", original, "--model", "mamba", "--version", version)
  }

  /// By itself, and as a difference from what is plain, then compressed, then gone.
  @Test(arguments: [false, true]) func everyFileOfACompressedVersionReadsTheSame(isDifference: Bool) throws {
    let version = isDifference ? "v1.1" : "v1.0"
    if isDifference { try trainOn(as: version) }
    let name = "mamba/\(version)"
    try fixture.mount()
    try copyOut(name, to: "plain")
    try copyOut(".derived/" + name, to: "derived")
    // Somebody reads it all the while.
    let reader = try FileHandle(
      forReadingFrom: URL(fileURLWithPath: fixture.mountpoint + "/\(name)/model.safetensors"))
    let text = try fixture.succeed("compress", name)
    #expect(text.contains("compressed ") && text.contains("%"), "\(text)")
    #expect(text.contains("as differences from mamba/v1.0") == isDifference, "\(text)")
    #expect(try !packedFiles().isEmpty)
    #expect(try Array(reader.readToEnd() ?? Data()) == fixture.scratch.read("plain/model.safetensors"))
    try reader.close()
    try expectSame(name, as: "plain", seed: 1)
    if isDifference { #expect(try fixture.succeed("compress", "mamba/v1.0").contains("compressed ")) }
    // Nothing is in the kernel's cache after this.
    try fixture.succeed("unmount", fixture.mountpoint)
    try fixture.mount()
    try expectSame(name, as: "plain", seed: 2)
    if !isDifference { try expectSame("mamba/active", as: "plain", seed: 3) }
    try expectSame(".derived/" + name, as: "derived", seed: 4)
    // Copies inside the mount cost nothing, and are the same.
    let copy = try Command.run("cp", ["-r", fixture.mountpoint + "/" + name, fixture.mountpoint + "/mamba/v3.0"])
    #expect(copy.status == 0, "\(copy.errorText)")
    try expectSame("mamba/v3.0", as: "plain", seed: 5)
    try fixture.succeed("export", "mamba", version, "--format", "pt", "--to", fixture.scratch("exported"))
    #expect(try fixture.scratch.read("exported/mamba_\(version)_pt.pt") == fixture.scratch.read("plain/model.pt"))
    let other = fixture.scratch("other")
    try fixture.succeed("backup", "mamba", version, "--to", other)
    #expect(try fixture.succeed("validate", "mamba", version, "--store", other).contains("\(name): valid"))
    let remote = "oci:" + fixture.scratch("remote") + ":latest"
    try fixture.succeed("push", name, remote)
    let pulled = fixture.scratch("pulled")
    try fixture.succeed("pull", remote, "--store", pulled)
    #expect(try fixture.succeed("validate", "mamba", version, "--store", pulled).contains("\(name): valid"))
    #expect(try fixture.succeed("validate", "mamba").contains("\(name): valid"))
    let against = "as differences from mamba/v1.0"
    let shown = try fixture.succeed("show", name)
    #expect(shown.contains("compressed to ") && shown.contains(against) == isDifference, "\(shown)")
    let stats = try fixture.succeed("stats", "mamba")
    #expect(stats.contains("COMPRESSED") && stats.contains("AGAINST") == isDifference, "\(stats)")
    let status = try fixture.succeed("status")
    #expect(status.contains("are compressed") && status.contains("as differences") == isDifference, "\(status)")
    #expect(try fixture.text(".control/status").contains("compressed_bytes "))
    if isDifference {
      // What it is a difference from goes.
      try fixture.succeed("set-active", "mamba", "v3.0")
      try fixture.succeed("rm", "mamba/v1.0")
      try fixture.succeed("purge", "mamba", "v1.0")
      try expectSame(name, as: "plain", seed: 7)
      #expect(try fixture.succeed("validate", "mamba").contains("\(name): valid"))
      #expect(try !fixture.succeed("show", name).contains(against))
    }
    // And back.
    #expect(try fixture.succeed("thaw", "mamba").contains("took back "))
    #expect(try packedFiles().isEmpty)
    try expectSame(name, as: "plain", seed: 6)
  }

  /// Writing goes on as on a disk.
  @Test func aFileThatIsCompressedCanBeReplacedAndAppendedTo() throws {
    try fixture.mount()
    let notes = fixture.mountpoint + "/mamba/v1.0/notes.txt"
    let text = String(repeating: "the loss is falling\n", count: 4000)
    try Data(text.utf8).write(to: URL(fileURLWithPath: notes))
    // What is at rest is a blob.
    try fixture.succeed("unmount", fixture.mountpoint)
    try fixture.mount()
    try fixture.succeed("compress", "mamba", "v1.0")
    #expect(try fixture.text("mamba/v1.0/notes.txt") == text)
    let append = try Command.run("sh", ["-c", "echo more >> '\(notes)'"])
    #expect(append.status == 0, "\(append.errorText)")
    #expect(try fixture.text("mamba/v1.0/notes.txt") == text + "more\n")
  }

  @Test func whatIsDamagedEndsInAnErrorThatNamesTheTensor() throws {
    try fixture.succeed("compress", "mamba", "v1.0")
    for path in try packedFiles() {
      var bytes = try fixture.scratch.read(path)
      guard bytes.count > 1 << 20 else { continue }
      bytes[bytes.count / 2] ^= 1
      try FileManager.default.removeItem(atPath: fixture.scratch(path))
      try fixture.scratch.write(path, bytes)
    }
    try fixture.mount()
    let read = try Command.run("cat", [fixture.mountpoint + "/mamba/v1.0/model.pt"])
    #expect(read.status == 1 && read.errorText.contains("Input/output error"), "\(read.errorText)")
    let log = try fixture.text(".control/log")
    #expect(log.contains("is damaged") && log.contains("cannot be read") && log.contains("tensor \""), "\(log)")
    let report = try fixture.tantra(["validate", "mamba", "v1.0"])
    #expect(report.status == 1 && report.outputText.contains("tensor \""), "\(report.outputText)")
    let export = try fixture.tantra(["export", "mamba", "v1.0", "--format", "pt", "--to", fixture.scratch("out")])
    #expect(export.status != 0 && !FileManager.default.fileExists(atPath: fixture.scratch("out/mamba_v1.0_pt.pt")))
  }

  // MARK: Policies

  @Test func aMountedStoreFollowsThePolicyByItself() throws {
    for seed in ["1", "2"] { try fixture.succeed("generate", "mamba", "--seed", seed, "--version", "v1.\(seed)") }
    try fixture.mount()
    try copyOut("mamba/v1.1", to: "plain")
    try fixture.succeed("config", "mamba", "compress", "inactive")
    func isCompressed(_ version: String) -> Bool {
      (try? fixture.succeed("show", "mamba/\(version)").contains("compressed to ")) ?? false
    }
    #expect(eventually { isCompressed("v1.1") && isCompressed("v1.2") })
    #expect(!isCompressed("v1.0"))
    try expectSame("mamba/v1.1", as: "plain", seed: 1)
    #expect(eventually { (try? fixture.text(".control/log").contains("as the policies say")) == true })
    // A switch is done at once, and what is active is plain soon after.
    try fixture.succeed("set-active", "mamba", "v1.1")
    try expectSame("mamba/active", as: "plain", seed: 2)
    #expect(eventually { !isCompressed("v1.1") })
    try expectSame("mamba/active", as: "plain", seed: 3)
  }

  @Test func withoutAMountASwitchTakesBackByItself() throws {
    try fixture.succeed("generate", "mamba", "--seed", "1", "--version", "v1.1")
    try fixture.succeed("config", "mamba", "compress", "inactive")
    #expect(try fixture.succeed("compress", "mamba").contains("compressed "))
    #expect(try fixture.succeed("show", "mamba/v1.1").contains("compressed to "))
    #expect(try fixture.succeed("set-active", "mamba", "v1.1") == "mamba: v1.0 -> v1.1\n")
    #expect(try !fixture.succeed("show", "mamba/v1.1").contains("compressed to "))
  }

  // MARK: The commands

  @Test func theCommandsSayWhatTheyMean() throws {
    let estimate = try fixture.succeed("compress", "mamba", "v1.0", "--dry-run")
    #expect(estimate.contains("would compress") && estimate.contains("about"), "\(estimate)")
    #expect(try packedFiles().isEmpty)
    let which = try fixture.tantra(["compress", "mamba"])
    #expect(
      which.status == 64 && which.errorText.contains("tantra config mamba compress inactive"), "\(which.errorText)")
    let near = try fixture.tantra(["compress", "mambo", "v1.0"])
    #expect(near.status == 66 && near.errorText.contains("did you mean \"mamba\""), "\(near.errorText)")
    let version = try fixture.tantra(["thaw", "mamba", "v9"])
    #expect(version.status == 66 && version.errorText.contains("no version"), "\(version.errorText)")
    let policy = try fixture.tantra(["config", "mamba", "compress", "always"])
    #expect(policy.status == 64 && policy.errorText.contains("inactive"), "\(policy.errorText)")
    struct Report: Decodable { var files: Int, bytesBefore: Int, bytesAfter: Int }
    let json = try fixture.succeed("compress", "mamba/v1.0", "--json")
    let report = try JSONDecoder().decode(Report.self, from: Data(json.utf8))
    #expect(report.files > 0 && report.bytesAfter < report.bytesBefore)
    #expect(try fixture.succeed("compress", "mamba/v1.0").contains("compressed already"))
    #expect(try fixture.succeed("thaw", "mamba/v1.0").contains("took back \(report.files) file"))
    #expect(try fixture.succeed("thaw").contains("nothing to take back"))
  }

  @Test func controlFilesTakeTheRequestsToo() throws {
    try fixture.mount()
    let control = fixture.mountpoint + "/.control/"
    let command = try Command.run("sh", ["-c", "echo mamba/v1.0 > '\(control)compress' && cat '\(control)compress'"])
    #expect(
      command.status == 0 && command.outputText.contains("compressed "), "\(command.outputText)\(command.errorText)")
    #expect(try !packedFiles().isEmpty)
    let thaw = try Command.run("sh", ["-c", "echo all > '\(control)thaw'"])
    #expect(thaw.status == 0, "\(thaw.errorText)")
    #expect(try packedFiles().isEmpty)
  }
}
