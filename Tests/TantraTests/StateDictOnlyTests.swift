import Foundation
import TestSupport
import Testing

/// `tantra import --state-dict-only`: of files that would run code the state dict alone.
@Suite struct StateDictOnlyTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(shipped: false) }

  /// Compares the state dict of each file with what the store has of it.
  private static let comparison = """
    import sys, torch, torch.nn, types
    class Anything:
        def __init__(self, *arguments): pass
        def __setstate__(self, state): pass
    main = sys.modules["__main__"]
    main.halve, main.Settings = (lambda value: value), Anything
    for original, published in zip(sys.argv[1::2], sys.argv[2::2]):
        a, b = torch.load(original, weights_only=False)["state_dict"], torch.load(published)
        assert list(a) == list(b) and type(a) == type(b), published
        assert all(torch.equal(a[k], b[k]) and type(a[k]) == type(b[k]) for k in a), published
    """

  @Test(canMount, arguments: [false, true]) func theStateDictIsTakenAndTheRestIsNamed(mounted: Bool) throws {
    try FileManager.default.createDirectory(atPath: fixture.scratch("files"), withIntermediateDirectories: true)
    try Python.oracle("numpy_leaves.py", ["program", fixture.scratch("files")])
    let names = try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("files"))
      .filter { $0.hasSuffix(".ckpt") }.sorted()
    try #require(names.count >= 10)
    if mounted {
      try fixture.succeed(
        "import", try fixture.scratch.write("data.pt", try SmallWeights.example().torchZip()), "--model", "a")
      try fixture.mount()
    }
    var pairs: [String] = []
    for (number, name) in names.enumerated() {
      let arguments = ["import", fixture.scratch("files/\(name)"), "--model", "m\(number)"]
      let refusal = try fixture.tantra(arguments)
      #expect(refusal.status == 65 && refusal.errorText.contains("--state-dict-only"), "\(name): \(refusal.errorText)")
      let taken = try fixture.tantra(arguments + ["--state-dict-only"])
      #expect(taken.status == 0, "\(name): \(taken.errorText)")
      #expect(taken.outputText.contains("dropped of ") && taken.outputText.contains("a program, left out"), "\(name)")
      try fixture.succeed("export", "m\(number)", "--format", "pt", "--to", fixture.scratch("out"))
      pairs += [fixture.scratch("files/\(name)"), fixture.scratch("out/m\(number)_v1.0_pt.pt")]
    }
    let comparison = try Python.run(Self.comparison, pairs)
    #expect(comparison.status == 0, "\(comparison.errorText)")
  }

  @Test func whatIsDroppedStandsInTheReportAndDataIsKeptWhole() throws {
    try FileManager.default.createDirectory(atPath: fixture.scratch("files"), withIntermediateDirectories: true)
    try Python.oracle("numpy_leaves.py", ["program", fixture.scratch("files")])
    let json = try fixture.succeed(
      "import", fixture.scratch("files/object.ckpt"), "--model", "m", "--state-dict-only", "--json")
    #expect(json.contains("\"dropped\"") && json.contains("__main__.Settings"), "\(json)")
    let bytes = try SmallWeights.example().torchZip()
    let path = try fixture.scratch.write("data.pt", bytes)
    let kept = try fixture.succeed("import", path, "--model", "n", "--state-dict-only")
    #expect(!kept.contains("dropped"))
    try fixture.succeed("export", "n", "--format", "pt", "--to", fixture.scratch("out"))
    #expect(try fixture.scratch.read("out/n_v1.0_pt.pt") == bytes)
  }
}
