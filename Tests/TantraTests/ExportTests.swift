import Foundation
import TestSupport
import Testing

@Suite struct ExportTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  private var target: String { fixture.scratch("out") }

  private func listing(of folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test(canMount) func everyFormatIsTheMountsFileWithItsTime() throws {
    try fixture.mount()
    let output = try fixture.succeed("export", "mamba", "--format", "all", "--to", target)
    let names = ["mamba_v1.0_bin.bin", "mamba_v1.0_pt.pt", "mamba_v1.0_safetensors.safetensors"]
    #expect(try listing(of: target) == names)
    for name in names {
      let here = target + "/" + name
      let there = fixture.mountpoint + "/.files/" + name
      #expect(output.contains(here))
      #expect(try Command.run("cmp", [here, there]).status == 0)
      let times = try Command.run("stat", ["-L", "-c", "%y %A", here, there]).outputText.split(separator: "\n")
      #expect(times.count == 2 && times[0] == times[1])
    }
    let script = """
      import sys, torch, safetensors.torch as s
      a, b, c = torch.load(sys.argv[1]), torch.load(sys.argv[2]), s.load_file(sys.argv[3])
      assert len(a) == 52 and all(torch.equal(a[k], c[k]) and torch.equal(b[k], c[k]) for k in c)
      """
    let load = try Python.run(script, names.map { target + "/" + $0 })
    #expect(load.status == 0, "\(load.errorText)")
  }

  /// It comes back with a restore, and is nowhere to be seen until then.
  @Test(canMount) func whatWasRemovedFromAFolderIsNeitherExportedNorListed() throws {
    try fixture.mount()
    let folder = fixture.mountpoint + "/mamba/v1.0"
    let component = try Data(contentsOf: URL(fileURLWithPath: folder + "/model.safetensors"))
    try component.write(to: URL(fileURLWithPath: folder + "/adapter.safetensors"))
    for name in ["kept.txt", "removed.txt", "moved.txt"] {
      try Data("text".utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    try fixture.succeed("config", "mamba", "frozen", "never")
    let change = try Command.run(
      "sh", ["-ec", "cd \(folder); rm removed.txt adapter.safetensors model.bin; mv moved.txt there.txt"])
    try #require(change.status == 0, "\(change.errorText)")
    let shown = try fixture.succeed("show", "mamba", "v1.0")
    for name in ["removed.txt", "moved.txt", "adapter.safetensors", "model.bin"] {
      #expect(!shown.contains(name), "\(shown)")
    }
    #expect(shown.contains("there.txt"))
    #expect(try !fixture.succeed("list-weights", "mamba").contains("adapter"))
    try fixture.succeed("export", "mamba", "--folder", "--to", target)
    let here = try Set(listing(of: folder)).subtracting(["model.bin", "model.pt"])
    #expect(try Set(listing(of: target + "/mamba_v1.0")) == here)
  }

  @Test func aFolderIsWhatFromPretrainedLoads() throws {
    try fixture.succeed("export", "mamba", "v1.0", "--folder", "--to", target)
    #expect(try listing(of: target) == ["mamba_v1.0"])
    #expect(try listing(of: target + "/mamba_v1.0") == ["config.json", "model.safetensors"])
    let summary = try Python.oracle("mount_transformers.py", [target + "/mamba_v1.0"])
    #expect(summary.contains("\"parameters\": 689792"))
  }

  @Test func filesInQuarantineAreLeftOutAndNamed() throws {
    let model = fixture.scratch("in")
    try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: true)
    try fixture.scratch.write("in/model.safetensors", try SmallWeights.example().safetensors())
    try fixture.scratch.write("in/args.txt", Array("cos\nsystem\n(S'true'\ntR.".utf8))
    try fixture.scratch.write("in/config.json", Array("{}".utf8))
    try fixture.succeed("import", model, "--model", "small")
    let export = try fixture.tantra(["export", "small", "--folder", "--to", target])
    let way = "so says the policy pickles of small, and \"tantra config small pickles allow\" lets such files out"
    #expect(export.status == 0 && export.errorText.contains("args.txt was left out"), "\(export.errorText)")
    #expect(export.errorText.contains(way), "\(export.errorText)")
    #expect(try listing(of: target + "/small_v1.0") == ["config.json", "model.safetensors"])
    let json = try fixture.succeed("export", "small", "--folder", "--to", target, "--force", "--json")
    #expect(json.contains("\"leftOut\"") && json.contains("args.txt") && json.contains("system"), "\(json)")
    let backup = try fixture.tantra(["backup", "small", "v1.0", "--to", fixture.scratch("copy")])
    #expect(backup.status == 0 && backup.errorText.contains("args.txt was left out"), "\(backup.errorText)")
    #expect(backup.errorText.contains(way), "\(backup.errorText)")
    #expect(
      try fixture.succeed("backup", "small", "v1.0", "--to", fixture.scratch("copy"), "--json").contains("args.txt"))
    let folder = try fixture.succeed(
      "export", "small", "--folder", "--to", target + "/2", "--store", fixture.scratch("copy"))
    #expect(folder.contains("config.json") && !folder.contains("args.txt"), "\(folder)")
    // What the policy allows leaves like any file.
    try fixture.succeed("config", "small", "pickles", "allow")
    #expect(try fixture.succeed("export", "small", "--folder", "--to", target + "/3").contains("args.txt"))
  }

  @Test func whatIsExportedCanBeImportedAsItIs() throws {
    try fixture.succeed("export", "mamba", "--format", "pt", "--to", target)
    let other = try TantraFixture(shipped: false)
    try other.succeed("import", target + "/mamba_v1.0_pt.pt")
    #expect(try other.succeed("list-weights").contains("mamba  v1.0     active  689,792"))
  }

  @Test func existingFilesAreReplacedOnlyByForce() throws {
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    let name = "out/mamba_v1.0_pt.pt"
    try fixture.scratch.write(name, Array("mine".utf8))
    for format in ["pt", "all"] {
      let refusal = try fixture.tantra(["export", "mamba", "--format", format, "--to", target])
      #expect(refusal.status == 73)
      #expect(refusal.errorText.contains("mamba_v1.0_pt.pt exists already; --force"), "\(refusal.errorText)")
      #expect(refusal.output.isEmpty)
      #expect(try listing(of: target) == ["mamba_v1.0_pt.pt"])
      #expect(try fixture.scratch.read(name) == Array("mine".utf8))
    }
    try fixture.succeed("export", "mamba", "--format", "pt", "--to", target, "--force")
    #expect(try listing(of: target) == ["mamba_v1.0_pt.pt"])
    #expect(try fixture.scratch.read(name).count == 2_772_563)
  }

  @Test func anExistingFolderKeepsWhatIsNotReplaced() throws {
    try fixture.succeed("export", "mamba", "--folder", "--to", target)
    try fixture.scratch.write("out/mamba_v1.0/notes.txt", Array("mine".utf8))
    try fixture.scratch.write("out/mamba_v1.0/config.json", Array("changed".utf8))
    let refusal = try fixture.tantra(["export", "mamba", "--folder", "--to", target])
    #expect(refusal.status == 73 && refusal.errorText.contains("mamba_v1.0 exists already"), "\(refusal.errorText)")
    #expect(try fixture.scratch.read("out/mamba_v1.0/config.json") == Array("changed".utf8))
    try fixture.succeed("export", "mamba", "--folder", "--format", "all", "--to", target, "--force")
    #expect(
      try listing(of: target + "/mamba_v1.0")
        == ["config.json", "model.bin", "model.pt", "model.safetensors", "notes.txt"])
    #expect(try fixture.scratch.read("out/mamba_v1.0/config.json").count == 818)
    #expect(try listing(of: target) == ["mamba_v1.0"])
  }

  @Test func aFullDiskLeavesNothing() throws {
    try #require(getuid() == 0, "only root can mount a small file system")
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    // Room for one of the three files.
    try #require(try Command.run("mount", ["-t", "tmpfs", "-o", "size=4m", "none", target]).status == 0)
    defer { #expect(throws: Never.self) { try Command.run("umount", [target]) } }
    for options in [["--format", "all"], ["--format", "all", "--folder"]] {
      let command = try fixture.tantra(["export", "mamba", "--to", target] + options)
      #expect(command.status == 74)
      #expect(command.errorText.contains("No space left on device"), "\(command.errorText)")
      #expect(try listing(of: target).isEmpty)
    }
    try fixture.succeed("export", "mamba", "--to", target)
    let before = try fixture.scratch.read("out/mamba_v1.0_safetensors.safetensors")
    #expect(try fixture.tantra(["export", "mamba", "--to", target, "--force"]).status == 74)
    #expect(try listing(of: target) == ["mamba_v1.0_safetensors.safetensors"])
    #expect(try fixture.scratch.read("out/mamba_v1.0_safetensors.safetensors") == before)
  }

  @Test func aSignalLeavesNothing() throws {
    let source = fixture.scratch("large.safetensors")
    try Python.oracle("big_state_dict.py", [source, "--size", String(256 << 20), "--tensors", "300"], isMeasured: true)
    try fixture.succeed("import", source, "--model", "large")
    let script = """
      mkdir '\(target)'
      '\(TantraFixture.executable)' export large --format all --to '\(target)' & pid=$!
      until [ -n "$(ls -A '\(target)')" ]; do :; done
      kill -TERM $pid
      wait $pid
      """
    let command = try Command.run("bash", ["-c", script], environment: ["TANTRA_STORE": fixture.storePath])
    #expect(command.status == 130, "\(command.errorText)")
    #expect(try listing(of: target).isEmpty)
  }

  @Test func scriptsGetPathsAndSizes() throws {
    struct File: Decodable {
      var path: String
      var byteCount: Int
      var view: String?
    }
    let output = try fixture.succeed("export", "mamba", "--folder", "--to", target, "--json")
    let files = try JSONDecoder().decode([File].self, from: Data(output.utf8))
    #expect(files.map(\.path) == ["model.safetensors", "config.json"].map { target + "/mamba_v1.0/" + $0 })
    #expect(files.map(\.view) == ["safetensors", nil])
    #expect(files.map(\.byteCount) == [2_764_472, 818])
  }

  @Test func aManifestCannotLeadOutOfTheFolder() throws {
    let path = "store/models/mamba/v1.0.json"
    let text = String(decoding: try fixture.scratch.read(path), as: UTF8.self)
    try fixture.scratch.write(
      path, Array(text.replacingOccurrences(of: "\"config.json\"", with: "\"../../escaped\"").utf8))
    let command = try fixture.tantra(["export", "mamba", "--folder", "--to", target])
    #expect(command.status == 65 && command.errorText.contains("name that no file can have"), "\(command.errorText)")
    #expect(!FileManager.default.fileExists(atPath: target))
    #expect(!FileManager.default.fileExists(atPath: fixture.scratch("escaped")))
  }

  @Test(arguments: [
    (["mambo"], 66, "did you mean \"mamba\""), (["mamba", "v9"], 66, "no version"),
    (["mamba", "--format", "gguf"], 64, "safetensors, pt, bin"), (["mamba", "--to", "/proc/nowhere"], 66, "/proc"),
  ])
  func mistakesSayWhatIsWrong(arguments: [String], status: Int32, words: String) throws {
    let command = try fixture.tantra(["export"] + arguments)
    #expect(command.status == status, "\(command.errorText)")
    #expect(command.errorText.contains(words), "\(command.errorText)")
    #expect(command.output.isEmpty)
  }
}
