import Foundation
import TestSupport
import Testing

@Suite struct DiffTests {
  @Test func figuresAreNumpys() throws {
    let fixture = try TantraFixture(shipped: false)
    try Python.oracle("diff_tensors.py", ["make", fixture.scratch.path])
    for (file, version) in [("before.pt", "v1.0"), ("after.pt", "v1.1")] {
      try fixture.succeed("import", fixture.scratch(file), "--model", "m", "--version", version)
    }
    let said = try fixture.tantra(["diff", "m", "v1.0", "v1.1", "--all", "--json"])
    #expect(said.status == 1, "\(said.errorText)")
    try fixture.scratch.write("said.json", Array(said.output))
    let summary = try Python.oracle(
      "diff_tensors.py",
      ["check", fixture.scratch("before.pt"), fixture.scratch("after.pt"), fixture.scratch("said.json")])
    #expect(
      summary.contains(
        "{\"kinds\": {\"same\": 6, \"changed\": 18, \"retyped\": 2, \"added\": 1, \"removed\": 1}, \"measured\": 17}"),
      "\(summary)")
    // Sums are added in one order, whichever thread is faster.
    for _ in 0..<5 {
      #expect(try fixture.tantra(["diff", "m", "v1.0", "v1.1", "--all", "--json"]).output == said.output)
    }
  }

  @Test func versionsWithTheSameWeightsEndWithZeroAndDifferentFilesWithOne() throws {
    let fixture = try TantraFixture()
    try fixture.succeed("generate", "mamba", "--version", "v1.1")
    let same = try fixture.tantra(["diff", "mamba", "v1.0", "v1.1"])
    #expect(same.status == 0)
    #expect(
      same.outputText == "mamba v1.0 -> v1.1: 52 tensors, 52 same, 0 changed, 0 retyped, 0 added, 0 removed\n")
    #expect(try fixture.succeed("diff", "mamba", "v1.0", "v1.1", "--all").split(separator: "\n").count == 54)
    let weights = try fixture.scratch.write("m.safetensors", try SmallWeights.example().safetensors())
    let configuration = try fixture.scratch.write("config.json", Array("{}".utf8))
    try fixture.succeed("import", weights, configuration, "--model", "m", "--version", "v1.0")
    try fixture.succeed("import", weights, "--model", "m", "--version", "v1.1")
    let files = try fixture.tantra(["diff", "m", "v1.0", "v1.1"])
    #expect(files.status == 1)
    #expect(files.outputText.contains("removed  file config.json"), "\(files.outputText)")
    #expect(files.outputText.contains("3 same") && files.outputText.contains("1 file differs"))
  }

  @Test func changedTensorsAreAddressedByNameAndFigures() throws {
    let fixture = try TantraFixture(shipped: false)
    for (bias, version) in [(Float(0.5), "v1.0"), (0.75, "v1.1")] {
      let file = try fixture.scratch.write("\(version).pt", try SmallWeights.example(bias: bias).torchZip())
      try fixture.succeed("import", file, "--model", "m", "--version", version)
    }
    let command = try fixture.tantra(["diff", "m", "v1.0", "v1.1"])
    #expect(command.status == 1)
    let rows = command.outputText.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(rows[1] == ["changed", "a.bias", "float32", "[1]", "0.5", "0.25", "1"], "\(command.outputText)")
    #expect(command.outputText.contains("3 tensors, 2 same, 1 changed, 0 retyped, 0 added, 0 removed"))
  }

  @Test(arguments: [
    (["mamba", "v1.0", "v9"], 2, "no version"), (["mambo", "v1.0", "v1.0"], 2, "did you mean \"mamba\""),
    (["mamba", "v1.0"], 64, "expected two versions of mamba"), (["mamba", "../x", "v1.0"], 64, "cannot name"),
    (["mamba/v1.0"], 64, "expected two versions"), (["mamba/v1.0", "v1.0", "v1.0"], 64, "expected two versions"),
    (["mamba/v1.0", "ocr_native/v1.0"], 64, "of another model than mamba"),
  ])
  func troubleEndsWithTwo(arguments: [String], status: Int32, words: String) throws {
    let command = try TantraFixture().tantra(["diff"] + arguments)
    #expect(command.status == status, "\(command.errorText)")
    #expect(command.errorText.contains(words), "\(command.errorText)")
    #expect(command.output.isEmpty)
  }

  @Test func versionsAreNamedInOneWordOrTwoAndByLinks() throws {
    let fixture = try TantraFixture()
    try fixture.succeed("generate", "mamba", "--seed", "3", "--version", "v1.1")
    try fixture.succeed("tag", "mamba/v1.1", "stable")
    let expected = try fixture.tantra(["diff", "mamba", "v1.0", "v1.1"])
    #expect(expected.status == 1)
    for arguments in [
      ["mamba/v1.0", "v1.1"], ["mamba/v1.0", "mamba/v1.1"], ["mamba", "mamba/v1.0", "stable"],
      ["mamba", "active", "stable"],
    ] {
      let command = try fixture.tantra(["diff"] + arguments)
      #expect(command.outputText == expected.outputText && command.status == 1, "\(arguments) \(command.errorText)")
    }
    try fixture.succeed("export", "mamba/stable", "--to", fixture.scratch("out"))
    try fixture.succeed("export", "mamba/active", "--to", fixture.scratch("out"))
    #expect(
      try fixture.scratch.files(below: "out").sorted()
        == ["out/mamba_v1.0_safetensors.safetensors", "out/mamba_v1.1_safetensors.safetensors"])
  }

  @Test func aTruncatedBlobIsTroubleAndNoDifference() throws {
    let fixture = try TantraFixture(shipped: false)
    for (bias, version) in [(Float(0.5), "v1.0"), (0.75, "v1.1")] {
      let file = try fixture.scratch.write("\(version).pt", try SmallWeights.example(bias: bias).torchZip())
      try fixture.succeed("import", file, "--model", "m", "--version", version)
    }
    let path = try fixture.blob(of: "m", "v1.1")
    let bytes = try fixture.scratch.read(path)
    try fixture.scratch.write(path, Array(bytes.prefix(64)))
    let command = try fixture.tantra(["diff", "m", "v1.0", "v1.1"])
    #expect(command.status == 2)
    #expect(command.errorText.contains("too short"), "\(command.errorText)")
  }
}
