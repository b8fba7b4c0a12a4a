import Foundation
import TestSupport
import Testing

/// What a dry run tells is what happens, and it changes nothing.
@Suite struct DryRunTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  /// Every file of the store with its digest, the staging folder left out.
  private func content() throws -> String {
    try Command.run(
      "sh",
      [
        "-c",
        "cd '\(fixture.storePath)' && find . -path ./.staging -prune -o -type f ! -name 'index*' -print | sort | xargs sha256sum",
      ]
    ).outputText
  }

  private struct Rehearsed: Decodable {
    struct File: Decodable {
      var path: String
      var fate: String
      var reason: String?
    }
    var outcome: String
    var files: [File]
    var views: [String]
    var isActive: Bool
  }

  private func rehearse(_ arguments: [String]) throws -> (status: Int32, imports: [Rehearsed], error: String) {
    let before = try content()
    let command = try fixture.tantra(["import", "--dry-run", "--json"] + arguments)
    #expect(try content() == before)
    return (command.status, try JSONDecoder().decode([Rehearsed].self, from: command.output), command.errorText)
  }

  @Test func anImportIsToldFileByFile() throws {
    let folder = fixture.scratch("in")
    try FileManager.default.createDirectory(atPath: folder + "/unet", withIntermediateDirectories: true)
    try fixture.scratch.write("in/model.safetensors", try SmallWeights.example().safetensors())
    try fixture.scratch.write("in/unet/part.safetensors", try SmallWeights.example(bias: 5).safetensors())
    try fixture.scratch.write("in/config.json", Array("{}".utf8))
    // os.system("true"), as pickle writes it.
    try fixture.scratch.write("in/args.pkl", Array("cos\nsystem\n(S'true'\ntR.".utf8))
    let told = try rehearse([folder, "--model", "new"])
    #expect(told.status == 0, "\(told.error)")
    let one = try #require(told.imports.first)
    let fates = Dictionary(uniqueKeysWithValues: one.files.map { ($0.path, $0.fate) })
    #expect(
      fates == [
        "model.safetensors": "weights", "unet/part.safetensors": "component", "config.json": "ordinary",
        "args.pkl": "quarantined",
      ])
    #expect(one.files.contains { $0.reason?.contains("tantra config new pickles allow") == true })
    #expect(one.outcome == "published" && one.isActive)
    try fixture.succeed("import", folder, "--model", "new")
    struct Shown: Decodable {
      struct File: Decodable {
        var path: String
        var how: String
      }
      var files: [File]
      var links: [String]
    }
    let shown = try JSONDecoder().decode(Shown.self, from: Data(try fixture.succeed("show", "new/v1.0", "--json").utf8))
    #expect(Set(shown.files.map(\.path)) == Set(one.views.map { "model.\($0)" } + fates.keys))
    #expect(shown.links == ["active"])
  }

  @Test func refusalsAreThoseOfTheImport() throws {
    let first = try fixture.scratch.write("a.pt", try SmallWeights.example().torchZip())
    let other = try fixture.scratch.write("b.pt", try SmallWeights.example(bias: 9).torchZip())
    let text = try fixture.scratch.write("c.pt", Array("no weights".utf8))
    var damaged = try SmallWeights.example().torchZip()
    // In the middle of a tensor.
    if let place = damaged.indices.first(where: { damaged[$0...].starts(with: [0x00, 0x00, 0x80, 0x3F]) }) {
      damaged[place] ^= 1
    }
    let bad = try fixture.scratch.write("d.pt", damaged)
    try fixture.succeed("import", first, "--model", "x", "--version", "v1")
    for arguments in [
      [other, "--model", "x", "--version", "v1"], [text, "--model", "y"], [bad, "--model", "z"],
      [first, "--model", "x", "--version", "v1"], [other, "--model", "x", "--version", "v2", "--active"],
    ] {
      let told = try rehearse(arguments)
      let done = try fixture.tantra(["import"] + arguments)
      #expect(told.status == done.status, "\(arguments): \(told.error) \(done.errorText)")
      #expect(told.error == done.errorText, "\(arguments)")
      #expect((told.imports.first?.outcome == "refused") == (done.status != 0), "\(arguments)")
      if done.status == 0 {
        #expect(told.imports.first?.isActive == done.outputText.contains("; active"), "\(arguments)")
      }
    }
  }

  /// Asks the dry run and then the import itself: they must end alike, and with the same words.
  private func compare(_ arguments: [String]) throws -> (told: Rehearsed?, status: Int32) {
    let told = try rehearse(arguments)
    let done = try fixture.tantra(["import"] + arguments)
    #expect(told.status == done.status, "\(arguments): \(told.error) \(done.errorText)")
    #expect(told.error == done.errorText, "\(arguments)")
    if done.status == 0 {
      #expect(told.imports.first?.isActive == done.outputText.contains("; active"), "\(arguments): \(done.outputText)")
    }
    return (told.imports.first, done.status)
  }

  @Test func aFrozenVersionTakesWhatItHasAndNothingElse() throws {
    let folder = fixture.scratch("in")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try fixture.scratch.write("in/model.safetensors", try SmallWeights.example().safetensors())
    try fixture.scratch.write("in/config.json", Array("{}".utf8))
    let arguments = [folder, "--model", "x", "--version", "v1"]
    #expect(try compare(arguments).status == 0)
    try fixture.succeed("config", "x", "frozen", "always")
    #expect(try compare(arguments).status == 0)
    try fixture.scratch.write("in/config.json", Array("{\"a\": 1}".utf8))
    #expect(try compare(arguments).status != 0)
  }

  @Test func theFirstVersionIsActiveEvenIfItIsACheckpoint() throws {
    let file = try fixture.scratch.write("a.pt", try SmallWeights.example().torchZip())
    for version in ["step-10", "step-20"] {
      #expect(try compare([file, "--model", "x", "--version", version, "--checkpoint"]).status == 0)
    }
  }

  @Test func ofShardsAndOtherFilesTheSameIsSaid() throws {
    let folder = fixture.scratch("in")
    for name in ["", "/unet"] {
      try FileManager.default.createDirectory(atPath: folder + name, withIntermediateDirectories: true)
    }
    let weights = try SmallWeights.example().safetensors()
    try fixture.scratch.write("in/model-00001-of-00002.safetensors", weights)
    try fixture.scratch.write("in/model-00002-of-00002.safetensors", Array("no weights".utf8))
    let names = ["z.weight", "a.weight", "a.bias"].map { "\"\($0)\": \"model-00001-of-00002.safetensors\"" }
    let index = "{\"weight_map\": {\(names.joined(separator: ", ")), \"b\": \"model-00002-of-00002.safetensors\"}}"
    try fixture.scratch.write("in/model.safetensors.index.json", Array(index.utf8))
    #expect(try compare([folder, "--model", "x", "--version", "v1"]).status == 65)
    for name in [
      "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
    ] {
      try FileManager.default.removeItem(atPath: folder + "/" + name)
    }
    // Other weights than the published ones, and a component that is cut off: the import reads all before it compares.
    try fixture.scratch.write("in/model.safetensors", weights)
    #expect(try compare([folder, "--model", "x", "--version", "v1"]).status == 0)
    try fixture.scratch.write("in/model.safetensors", try SmallWeights.example(bias: 3).safetensors())
    try fixture.scratch.write("in/unet/part.safetensors", Array(weights.dropLast(10)))
    #expect(try compare([folder, "--model", "x", "--version", "v1"]).status == 65)
  }

  @Test func whatIsPublishedUnderAComponentsNameIsCompared() throws {
    let folder = fixture.scratch("in")
    for part in ["unet", "text"] {
      try FileManager.default.createDirectory(atPath: folder + "/" + part, withIntermediateDirectories: true)
    }
    try fixture.scratch.write("in/model.safetensors", try SmallWeights.example().safetensors())
    let component = try SmallWeights.example(bias: 5).safetensors()
    try fixture.scratch.write("in/unet/part.safetensors", component)
    try Python.oracle("gguf_imports.py", ["one", folder + "/text/t.Q8_0.gguf", "Q8_0"])
    let unread = try fixture.scratch.read("in/text/t.Q8_0.gguf")
    let arguments = [folder, "--model", "x", "--version", "v1"]
    #expect(try compare(arguments).status == 0)
    #expect(try compare(arguments).told?.outcome == "extended")

    try fixture.scratch.write("in/unet/part.safetensors", try SmallWeights.example(bias: 6).safetensors())
    #expect(try compare(arguments).status == 73)
    // The same values behind a longer header.
    let headerSize = Int(component[0]) + Int(component[1]) << 8
    let header = component[8..<8 + headerSize] + Array(repeating: UInt8(ascii: " "), count: 8)
    try fixture.scratch.write(
      "in/unet/part.safetensors",
      [UInt8(header.count & 0xFF), UInt8(header.count >> 8), 0, 0, 0, 0, 0, 0] + header + component[(8 + headerSize)...]
    )
    #expect(try compare(arguments).status == 0)

    var changed = unread
    changed[changed.count - 1] ^= 1
    try fixture.scratch.write("in/text/t.Q8_0.gguf", changed)
    #expect(try compare(arguments).status == 73)
  }

  @Test func tensorsThatAreNotContiguousAreComparedToo() throws {
    let code = """
      import sys, torch
      w, b = torch.arange(12.).reshape(3, 4), torch.arange(1000.)
      folder = sys.argv[1]
      torch.save({"w": w.t(), "b": b}, folder + "/transposed.pt")
      torch.save({"w": w.t().contiguous(), "b": b}, folder + "/contiguous.pt")
      torch.save({"w": (w + 1).t(), "b": b}, folder + "/other.pt")
      """
    let folder = fixture.scratch.path
    #expect(try Python.run(code, [folder]).status == 0)
    func version(_ name: String, _ model: String) -> [String] {
      ["\(folder)/\(name).pt", "--model", model, "--version", "v1"]
    }
    let new = try compare(version("transposed", "x"))
    #expect(new.status == 0 && new.told?.views == ["bin", "pt", "safetensors"])
    #expect(new.told?.files.first?.fate == "weights")
    let same = try compare(version("contiguous", "x"))
    #expect(same.status == 0 && same.told?.outcome == "extended")
    #expect(try compare(version("other", "x")).status == 73)
    // A byte of the tensor that lies in the file as it is.
    var damaged = try fixture.scratch.read("transposed.pt")
    let last: [UInt8] = [0x00, 0xC0, 0x79, 0x44]
    let place = try #require(damaged.indices.first { damaged[$0...].starts(with: last) })
    damaged[place] ^= 1
    try fixture.scratch.write("damaged.pt", damaged)
    #expect(try compare(version("damaged", "y")).status == 65)
  }

  @Test func aStateDictThatIsTakenAloneIsComparedToo() throws {
    let code = """
      import sys, torch
      class Trainer:
        def __reduce__(self): return (print, ("this ran",))
      for name, bias in [("a", 0.), ("b", 1.)]:
        weights = {"w": torch.arange(12.).reshape(3, 4).t(), "b": torch.arange(10.) + bias}
        torch.save({"state_dict": weights, "trainer": Trainer()}, f"{sys.argv[1]}/{name}.pt")
      """
    #expect(try Python.run(code, [fixture.scratch.path]).status == 0)
    func version(_ name: String) -> [String] {
      [fixture.scratch("\(name).pt"), "--model", "x", "--version", "v1", "--state-dict-only"]
    }
    let new = try compare(version("a"))
    #expect(new.status == 0 && new.told?.views == ["bin", "pt", "safetensors"])
    #expect(new.told?.files.first?.reason?.contains("its state dict alone, without") == true)
    #expect(try compare(version("a")).told?.outcome == "extended")
    #expect(try compare(version("b")).status == 73)
    try fixture.succeed("config", "x", "frozen", "always")
    #expect(try compare(version("a")).status == 0)
    let name = fixture.scratch("a.safetensors")
    try FileManager.default.copyItem(atPath: fixture.scratch("a.pt"), toPath: name)
    #expect(try compare([name, "--model", "y", "--version", "v1", "--state-dict-only"]).status == 65)
  }

  @Test func aRefusedNameComesWithOneThatWouldDo() throws {
    let file = try fixture.scratch.write("a.pt", try SmallWeights.example().torchZip())
    for (name, proposal) in [("my model", "my-model"), ("ä/große Sprache", "gro-e-Sprache"), ("-x", "x")] {
      let command = try fixture.tantra(["import", "--dry-run", file, "--model=\(name)"])
      #expect(command.status == 64 && command.errorText.contains("\"\(proposal)\" would do"), "\(command.errorText)")
    }
  }

  @Test func cleanupAndPurgeTellWhatTheyDo() throws {
    for seed in 1...4 { try fixture.succeed("generate", "mamba", "--seed", "\(seed)", "--version", "v2.\(seed)") }
    try fixture.succeed("backup", "mamba/v2.1")
    var before = try content()
    let planned = try fixture.succeed("cleanup", "mamba", "--keep", "2", "--dry-run", "--json")
    #expect(try content() == before)
    #expect(try fixture.succeed("cleanup", "mamba", "--keep", "2", "--json") == planned)
    #expect(planned.contains("v2.2") && planned.contains("v2.3"))
    struct Report: Decodable, Equatable {
      var purged: [String]
      var removedBlobs: Int
      var freedBytes: Int
    }
    before = try content()
    let told = try JSONDecoder().decode(
      Report.self, from: Data(try fixture.succeed("purge", "--dry-run", "--json").utf8))
    #expect(try content() == before)
    func bytes() throws -> Int? {
      let sum = try Command.run(
        "sh", ["-c", "find '\(fixture.storePath)/weights' -type f -printf '%s\\n' | awk '{s += $1} END {print s}'"])
      return Int(sum.outputText.dropLast())
    }
    let stored = try #require(try bytes())
    let done = try JSONDecoder().decode(Report.self, from: Data(try fixture.succeed("purge", "--json").utf8))
    #expect(done == told && done.purged.count >= 2)
    #expect(try bytes() == stored - told.freedBytes)
  }
}
