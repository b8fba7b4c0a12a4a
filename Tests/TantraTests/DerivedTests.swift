import Foundation
import PosixIO
import TestSupport
import Testing

/// `.derived`: files that are computed when they are read.
@Suite(canMount, .onWaitingThreads) struct DerivedTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(copyOf: Python.packageRoot + "/Model") }

  @Test(arguments: ["v1.0", "v2.0"])
  func aMambasFilesEqualWhatTheGgufPackageWrites(version: String) throws {
    try fixture.mount()
    let out = fixture.scratch("expected")
    try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    let types = try Python.oracle("mamba_gguf_files.py", [fixture.mountpoint + "/mamba/\(version)", "mamba", out])
      .split(whereSeparator: \.isWhitespace)
    #expect(types.count == (version == "v2.0" ? 7 : 3))
    let folder = fixture.mountpoint + "/.derived/mamba/\(version)"
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".gguf") }.sorted()
        == types.map { "model-\($0).gguf" }.sorted())
    for type in types {
      let compared = try Command.run("cmp", ["\(out)/model-\(type).gguf", "\(folder)/model-\(type).gguf"])
      #expect(compared.status == 0, "\(type): \(compared.outputText)\(compared.errorText)")
    }
  }

  @Test(arguments: ["mamba", "mamba_multimodal"])
  func theBytesAreTheSameInWhateverWayTheyAreRead(model: String) throws {
    try fixture.mount()
    let folder = fixture.mountpoint + "/.derived/\(model)/active"
    let scratch = fixture.scratch("copies")
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    #expect(try Python.oracle("mount_derived.py", [folder, "10000", scratch]) == "7\n")
  }

  /// Names, shapes, dtypes and values that are odd: in each version others.
  @Test func oddStateDictsAreReadAsTheGgufPackageWritesThem() throws {
    let (odd, versions) = (fixture.scratch("odd"), 12)
    try Python.oracle("gguf_files.py", [odd, "\(versions)", "3"])
    for number in 0..<versions {
      // The name is in the files, and is the same for all.
      try fixture.succeed(
        "import", "\(odd)/\(number)/model.safetensors", "\(odd)/\(number)/config.json", "--model", "odd_model",
        "--version",
        "v\(number)")
    }
    try fixture.mount()
    var count = 0
    for number in 0..<versions {
      let folder = fixture.mountpoint + "/.derived/odd_model/v\(number)"
      for name in try FileManager.default.contentsOfDirectory(atPath: "\(odd)/\(number)") where name.hasSuffix(".gguf")
      {
        let compared = try Command.run("cmp", ["\(odd)/\(number)/\(name)", "\(folder)/\(name)"])
        #expect(compared.status == 0, "\(number) \(name): \(compared.outputText)\(compared.errorText)")
        count += 1
      }
      let scratch = fixture.scratch("copies-\(number)")
      try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
      try Python.oracle("mount_derived.py", [folder, "1000", scratch])
    }
    #expect(count > versions)
  }

  @Test func quantizeWritesTheFileThatTheMountShows() throws {
    let out = fixture.scratch("out/m.gguf")
    let unmounted = try fixture.succeed("quantize", "mamba", "--to", "q8_0", "--out", out)
    #expect(unmounted.contains("m.gguf  796.9 KiB  31 F32, 21 Q8_0"), "\(unmounted)")
    try fixture.mount()
    let compared = try Command.run("cmp", [out, fixture.mountpoint + "/.files/mamba_v2.0_Q8_0.gguf"])
    #expect(compared.status == 0, "\(compared.errorText)")
    let again = try fixture.tantra(["quantize", "mamba/v2.0", "--to", "Q8_0", "--out", out])
    #expect(again.status == 73 && again.errorText.contains("--force"), "\(again.errorText)")
    let json = try fixture.succeed("quantize", "mamba/v2.0", "--to", "Q8_0", "--out", out, "--force", "--json")
    #expect(json.contains("\"byteCount\" : 816064"), "\(json)")
  }

  @Test func quantizeSaysWhatIsNotOfferedAndLeavesNothingBehind() throws {
    for (words, status, reason) in [
      (["mamba/v1.0", "--to", "Q8_0"], 66, "multiple of 32"), (["mamba/v1.0", "--to", "Q9"], 64, "expected F32"),
      (["mamba/v9", "--to", "F16"], 66, "v9"), (["lama", "--to", "F16"], 66, "lama"),
    ] as [([String], Int32, String)] {
      let command = try fixture.tantra(["quantize"] + words + ["--out", fixture.scratch("none/m.gguf")])
      #expect(command.status == status && command.errorText.contains(reason), "\(words): \(command.errorText)")
    }
    #expect(!FileManager.default.fileExists(atPath: fixture.scratch("none/m.gguf")))
  }

  @Test func quantizeCopiesNoDamageOutAsGood() throws {
    let pack = try fixture.scratch.files(below: "store/weights").first { $0.contains("01/b51b2b") }
    let path = fixture.scratch(try #require(pack))
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    try handle.seek(toOffset: 1_000_000)
    let byte = try #require(try handle.read(upToCount: 1)?.first)
    try handle.seek(toOffset: 1_000_000)
    try handle.write(contentsOf: Data([byte ^ 1]))
    try handle.close()
    let command = try fixture.tantra(["quantize", "mamba/v2.0", "--to", "F16", "--out", fixture.scratch("m.gguf")])
    #expect(command.status == 65 && command.errorText.contains("tensor \""), "\(command.errorText)")
    #expect(!FileManager.default.fileExists(atPath: fixture.scratch("m.gguf")))
  }

  @Test func showAndStatsListWhatIsComputed() throws {
    let shown = try fixture.succeed("show", "mamba/v2.0")
    #expect(shown.contains("\nmodel-Q8_0.gguf         796.9 KiB  31 F32, 21 Q8_0\n"), "\(shown)")
    let old = try fixture.succeed("show", "mamba/v1.0")
    #expect(old.contains("no model-Q8_0.gguf: no matrix has rows of a multiple of 32"), "\(old)")
    let listed = try fixture.succeed("stats", "mamba", "--derived")
    #expect(listed.split(separator: "\n").count == 1 + 9 + 9 + 13, "\(listed)")
  }

  @Test func nothingInItCanBeChanged() throws {
    try fixture.mount()
    let folder = fixture.mountpoint + "/.derived/mamba"
    for script in [
      "echo x > \(folder)/v2.0/model-F16.gguf", "echo x > \(folder)/v2.0/new", "mkdir \(folder)/v3",
      "rm \(folder)/v2.0/model-F16.gguf",
      "rmdir \(folder)/v2.0", "ln -s v1.0 \(folder)/other", "mv \(folder)/v2.0/model-F16.gguf \(folder)/v2.0/b",
      "truncate -s 0 \(folder)/v2.0/model-F16.gguf", "touch \(folder)/v2.0/model-F16.gguf",
    ] {
      #expect(try Command.run("bash", ["-c", script]).status != 0, "\(script)")
    }
    #expect(try Command.run("cmp", ["-n", "4", "\(folder)/v2.0/model-F16.gguf", "/dev/stdin"]).status != 0)
    #expect(try fixture.read(".derived/mamba/v2.0/model-F16.gguf").count == 1_422_784)
  }

  @Test func aReaderThroughActiveGetsOneVersionWhateverIsSwitchedMeanwhile() throws {
    try fixture.mount()
    let folder = fixture.mountpoint + "/.derived/mamba"
    var known: Set<[UInt8]> = []
    for version in ["v1.0", "v1.1", "v2.0"] {
      known.insert(try fixture.read(".derived/mamba/\(version)/model-F16.gguf"))
    }
    #expect(known.count == 3)
    let script =
      "for i in $(seq 60); do for v in v1.0 v1.1 v2.0; do ln -sfn $v \(fixture.mountpoint)/mamba/active; sleep 0.03; done; done"
    let switching = try ChildProgram("/bin/bash", ["-c", script])
    var seen: Set<[UInt8]> = []
    while switching.isRunning {
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/active/model-F16.gguf")))
      #expect(known.contains(bytes))
      seen.insert(bytes)
    }
    #expect(seen.count > 1)
  }

  /// Its bytes follow what it is made of: files beside the weights, too.
  @Test func aChangedConfigurationChangesTheFileAndARemovedVersionTakesItAway() throws {
    try fixture.mount()
    try fixture.succeed("config", "mamba", "frozen", "never")
    let before = try fixture.read(".derived/mamba/v1.0/model-F16.gguf")
    let configuration = fixture.mountpoint + "/mamba/v1.0/config.json"
    let text = try fixture.text("mamba/v1.0/config.json").replacingOccurrences(of: "1e-05", with: "1e-06")
    #expect(try Command.run("bash", ["-c", "printf %s '\(text)' > '\(configuration)'"]).status == 0)
    #expect(eventually { ((try? fixture.read(".derived/mamba/v1.0/model-F16.gguf")) ?? before) != before })
    let after = try fixture.read(".derived/mamba/v1.0/model-F16.gguf")
    #expect(after.count == before.count && zip(before, after).count { $0 != $1 } <= 4)
    #expect(try Command.run("rm", ["-r", fixture.mountpoint + "/mamba/v1.0"]).status == 0)
    #expect(!FileManager.default.fileExists(atPath: fixture.mountpoint + "/.derived/mamba/v1.0"))
    #expect(!FileManager.default.fileExists(atPath: fixture.mountpoint + "/.files/mamba_v1.0_F16.gguf"))
  }

  @Test func componentsAreThereInOtherFormats() throws {
    try fixture.mount()
    let folder = fixture.mountpoint + "/pipe/v1"
    let script = """
      set -e
      mkdir -p '\(folder)/unet'
      cp '\(fixture.mountpoint)/mamba/v2.0/model.safetensors' '\(folder)/unet/diffusion_pytorch_model.safetensors'
      """
    let copied = try Command.run("bash", ["-c", script])
    #expect(copied.status == 0, "\(copied.errorText)")
    let derived = fixture.mountpoint + "/.derived/pipe/v1/unet"
    #expect(
      eventually {
        (try? FileManager.default.contentsOfDirectory(atPath: derived).sorted())
          == ["diffusion_pytorch_model.bin", "diffusion_pytorch_model.pt"]
      })
    let code = """
      import sys, torch
      from safetensors.torch import load_file
      a, b = torch.load(sys.argv[1], weights_only=True), load_file(sys.argv[2])
      assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
      """
    let loaded = try Python.run(
      code, ["\(derived)/diffusion_pytorch_model.pt", "\(folder)/unet/diffusion_pytorch_model.safetensors"])
    #expect(loaded.status == 0, "\(loaded.errorText)")
  }

  /// What travels with a version may be a pickle: it is no more open in a quantized folder than beside the weights.
  @Test func aQuantizedFolderIsNoWayAroundTheQuarantine() throws {
    try fixture.mount()
    let code = """
      import pickle, sys
      class Evil:
          def __reduce__(self): return (print, ("run",))
      with open(sys.argv[1], "wb") as file: pickle.dump(Evil(), file)
      """
    try fixture.succeed("config", "mamba", "frozen", "never")
    let path = fixture.mountpoint + "/mamba/v2.0/evil.pkl"
    let made = try Python.run(code, [path])
    #expect(made.status == 0, "\(made.errorText)")
    let derived = fixture.mountpoint + "/.derived/mamba/v2.0/int8/evil.pkl"
    #expect(eventually { FileManager.default.fileExists(atPath: derived) })
    for file in [path, derived] {
      let read = try Command.run("cat", [file])
      #expect(read.status != 0 && read.errorText.contains("Permission denied"), "\(file): \(read.errorText)")
    }
  }
}
