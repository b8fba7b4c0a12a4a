import BlobStore
import Foundation
import StoreRecords
import Tensors
import TestSupport
import Testing
import WeightFormats
import WeightRegistry

@Suite struct DeduplicationTests {
  let fixture: RegistryFixture

  init() throws { fixture = try RegistryFixture() }

  /// A model of `count` tensors of 4096 floats each, told apart by the seeds.
  private func weights(_ seeds: [Int]) -> SmallWeights {
    SmallWeights(
      seeds.enumerated().map { index, seed in
        ("layer.\(index).weight", (0..<4096).map { Float($0 &* 31 &+ seed &* 7919) * 0.001 })
      })
  }

  private func storedBytes() throws -> Int {
    try fixture.scratch.files(below: "store/weights").reduce(0) { try $0 + fixture.scratch.read($1).count }
  }

  private func expectValid(_ registry: WeightRegistry, _ version: String = "v1.0") throws {
    let report = try registry.validation.validate(fixture.model, try VersionName(validating: version))
    #expect(report.isValid, "\(report.text)")
  }

  @Test func oneModelInThreeFormatsStoresItsTensorsOnce() throws {
    let model = weights(Array(0..<40))
    let tensorBytes = 40 * 4096 * 4
    let safetensors = try model.safetensors()
    let zip = try model.torchZip()
    // The same weights in another order: another torch file.
    let reordered = try SmallWeights(model.tensors.reversed()).torchZip()
    let registry = try fixture.open()
    try fixture.importFile(safetensors, as: "safetensors", into: registry)
    try fixture.importFile(zip, as: "pt", into: registry)
    let manifest = try fixture.importFile(reordered, as: "bin", into: registry)
    #expect(manifest.weights.map(\.isStitched) == [false, true, true])
    for (view, bytes) in [("safetensors", safetensors), ("pt", zip), ("bin", reordered)] {
      #expect(try fixture.bytes(of: view, in: registry) == bytes)
    }
    let statistics = try registry.statistics()
    #expect(statistics.duplicateBytes == 0)
    #expect(statistics.storedBytes == (try storedBytes()))
    #expect(statistics.storedBytes < tensorBytes + tensorBytes / 8)
    print(
      "three formats: presented \(statistics.presentedBytes), stored \(statistics.storedBytes), tensors \(tensorBytes)")
    try expectValid(registry)
  }

  @Test func frozenTensorsOfTwentyCheckpointsAreStoredOnce() throws {
    let registry = try fixture.open()
    let count = 40
    let frozen = 28
    var presented = 0
    for step in 1...20 {
      let seeds = (0..<count).map { $0 < frozen ? $0 : 1000 * step + $0 }
      let file = try weights(seeds).torchZip()
      presented += file.count
      let version = "checkpoint-\(step * 100)"
      try fixture.importFile(file, as: "pt", version: version, into: registry)
      #expect(try fixture.bytes(of: "pt", version: version, in: registry) == file)
    }
    let statistics = try registry.statistics()
    let tensorBytes = (frozen + 20 * (count - frozen)) * 4096 * 4
    #expect(statistics.duplicateBytes == 0)
    #expect(statistics.storedBytes < tensorBytes + tensorBytes / 6)
    print(
      "twenty checkpoints: written \(presented), presented \(statistics.presentedBytes), stored \(statistics.storedBytes), "
        + "distinct tensors \(tensorBytes)")
    for step in [1, 2, 20] { try expectValid(registry, "checkpoint-\(step * 100)") }
  }

  @Test func whatSharesLessThanAnEighthIsKeptWhole() throws {
    let registry = try fixture.open()
    try fixture.importFile(try weights(Array(0..<20)).safetensors(), as: "safetensors", into: registry)
    let few = try fixture.importFile(
      try weights([0] + Array(100..<119)).safetensors(), as: "safetensors", version: "v2", into: registry)
    #expect(!few.weights[0].isStitched)
    let many = try fixture.importFile(
      try weights([0, 1, 2] + Array(200..<217)).safetensors(), as: "safetensors", version: "v3", into: registry)
    #expect(many.weights[0].isStitched)
    #expect(try registry.statistics().duplicateBytes == 4096 * 4)
  }

  /// Tensors that lie by columns in their files are stored by rows besides: as they were gathered if all are new, else
  /// only those that are.
  @Test func whatIsGatheredIsStoredOnce() throws {
    let folder = try TemporaryFolder()
    let code = """
      import sys, torch
      from safetensors.torch import save_file
      torch.manual_seed(1)
      a, b, c, d = (torch.randn(64, 512) for _ in range(4))
      for name, state in ("new", {"a": a, "b": b, "c": c}), ("repeated", {"a": a, "again": a, "d": d}):
          torch.save({key: value.t().contiguous().t() for key, value in state.items()}, f"{sys.argv[1]}/{name}.pt")
          save_file({key: value.clone() for key, value in state.items()}, f"{sys.argv[1]}/{name}.safetensors", {"format": "pt"})
      """
    let made = try Python.run(code, [folder.path])
    try #require(made.status == 0, "\(made.errorText)")
    let registry = try fixture.open()
    var stored = 0
    for (name, gathered) in [("new", 3), ("repeated", 1)] {
      let file = try folder.read("\(name).pt")
      let manifest = try fixture.importFile(file, as: "pt", version: name, into: registry)
      #expect(manifest.weights.first?.packs.count == (name == "new" ? 2 : 3))
      #expect(try fixture.bytes(of: "pt", version: name, in: registry) == file)
      #expect(
        try fixture.bytes(of: "safetensors", version: name, in: registry) == folder.read("\(name).safetensors"))
      let grown = try storedBytes() - stored - file.count
      #expect((gathered * 64 * 512 * 4..<gathered * 64 * 512 * 4 + 8192).contains(grown), "\(name): \(grown)")
      stored = try storedBytes()
      try expectValid(registry, name)
    }
    let staged = try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("store/.staging"))
    #expect(!staged.contains { $0.hasPrefix("ingest.") }, "\(staged)")
  }

  @Test func theSameFileAgainCostsAManifestOnly() throws {
    let registry = try fixture.open()
    let zip = try weights(Array(0..<10)).torchZip()
    try fixture.importFile(try weights(Array(0..<10)).safetensors(), as: "safetensors", into: registry)
    let first = try fixture.importFile(zip, as: "pt", into: registry)
    let blobs = try fixture.scratch.files(below: "store/weights")
    let second = try fixture.importFile(zip, as: "pt", version: "v2", into: registry)
    #expect(try fixture.scratch.files(below: "store/weights") == blobs)
    #expect(second.weights[0].table == first.weights[1].table)
    #expect(try fixture.bytes(of: "pt", version: "v2", in: registry) == zip)
  }

  @Test func theNewPackIsAValidSafetensorsFile() throws {
    let registry = try fixture.open()
    try fixture.importFile(try weights(Array(0..<10)).safetensors(), as: "safetensors", into: registry)
    let manifest = try fixture.importFile(
      try weights(Array(0..<5) + [77, 78]).torchZip(), as: "pt", version: "v2", into: registry)
    let pack = try #require(manifest.weights[0].packs.first)
    let path = fixture.scratch("pack.safetensors")
    try fixture.scratch.write("pack.safetensors", try fixture.scratch.read(fixture.path(ofBlob: pack.hexadecimal)))
    let script = "import sys, safetensors.torch as s; print(sorted(s.load_file(sys.argv[1])))"
    let command = try Python.run(script, [path])
    #expect(command.outputText == "['layer.5.weight', 'layer.6.weight', 'tantra.literals']\n", "\(command.errorText)")
  }

  @Test func damageInAPackIsNamedByTensorInEveryVersionThatNeedsIt() throws {
    let registry = try fixture.open()
    let first = try fixture.importFile(
      try weights(Array(0..<10)).safetensors(), as: "safetensors", into: registry)
    try fixture.importFile(
      try weights(Array(0..<5) + [77, 78]).torchZip(), as: "pt", version: "v2", into: registry)
    // A value of layer.9, which the second version does not have, and then one of layer.2, which it has.
    for (layer, versions) in [(9, ["v1.0"]), (2, ["v1.0", "v2"])] {
      let value = Float(4095 * 31 + layer * 7919) * 0.001
      try fixture.damage(
        fixture.path(ofBlob: first.weights[0].blob.hexadecimal),
        at: withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init))
      let reader = try fixture.open(.reading)
      for version in ["v1.0", "v2"] {
        let report = try reader.validation.validate(fixture.model, try VersionName(validating: version))
        #expect(report.isValid == !versions.contains(version), "\(report.text)")
        if versions.contains(version) { #expect(report.text.contains("tensor \"layer.\(layer).weight\"")) }
      }
    }
  }

  @Test func aDamagedPackIsNotReused() throws {
    let registry = try fixture.open()
    let first = try fixture.importFile(
      try weights(Array(0..<10)).safetensors(), as: "safetensors", into: registry)
    try fixture.damage(
      fixture.path(ofBlob: first.weights[0].blob.hexadecimal),
      at: withUnsafeBytes(of: (Float(4095 * 31 + 2 * 7919) * 0.001).bitPattern.littleEndian, Array.init))
    let zip = try weights(Array(0..<10)).torchZip()
    let writer = try reopened(registry)
    try fixture.importFile(zip, as: "pt", version: "v2", into: writer)
    #expect(try fixture.bytes(of: "pt", version: "v2", in: writer) == zip)
    try expectValid(writer, "v2")
  }

  private func reopened(_ registry: consuming WeightRegistry) throws -> WeightRegistry {
    let copy = fixture.scratch("copy")
    _ = try Command.run("cp", ["-r", fixture.storePath, copy])
    return try fixture.open(path: copy)
  }

  @Test(arguments: ["nothing", "missing", "garbage", "newer", "folder", "another store's", "other types"])
  func whateverBecomesOfTheIndexNothingElseChanges(fate: String) throws {
    let registry = try fixture.open()
    let file = try weights(Array(0..<10)).safetensors()
    try fixture.importFile(file, as: "safetensors", into: registry)
    try fixture.importFile(try weights(Array(3..<13)).safetensors(), as: "safetensors", version: "v2", into: registry)
    let copy = try reopened(registry)
    let index = fixture.scratch("copy/index.sqlite")
    _ = consume copy
    if !["nothing", "newer", "other types"].contains(fate) { try FileManager.default.removeItem(atPath: index) }
    switch fate {
    case "garbage": try fixture.scratch.write("copy/index.sqlite", Array(repeating: 0x5A, count: 100_000))
    case "newer":
      #expect(try Command.run("sqlite3", [index, "PRAGMA user_version = 99"]).status == 0)
    case "other types":
      let change = """
        UPDATE segments SET byteCount = 'many'; UPDATE manifests SET files = 'some', inode = 'none';
        INSERT OR REPLACE INTO folders VALUES ('models/\(fixture.model)', 'none', 'never');
        """
      try #require(try Command.run("sqlite3", [index, change]).status == 0)
    case "folder": try FileManager.default.createDirectory(atPath: index, withIntermediateDirectories: true)
    case "another store's":
      let other = try RegistryFixture()
      try other.importFile(file, as: "safetensors", into: try other.open())
      try FileManager.default.copyItem(atPath: other.scratch("store/index.sqlite"), toPath: index)
    default: break
    }
    let opened = try fixture.open(path: fixture.scratch("copy"))
    #expect(try fixture.bytes(of: "safetensors", in: opened) == file)
    let zip = try weights(Array(0..<10)).torchZip()
    let manifest = try fixture.importFile(zip, as: "pt", version: "v3", into: opened)
    if fate != "other types" { #expect(manifest.weights[0].isStitched == (fate != "folder")) }
    #expect(try fixture.bytes(of: "pt", version: "v3", in: opened) == zip)
    for version in ["v1.0", "v2", "v3"] { try expectValid(opened, version) }
  }

  /// Rows of a table of the index.
  private func rows(of table: String) throws -> Int? {
    let query = try Command.run("sqlite3", [fixture.scratch("store/index.sqlite"), "SELECT COUNT(*) FROM \(table)"])
    return Int(query.outputText.dropLast())
  }

  @Test func theIndexForgetsThePacksThatAreGoneAndKeepsTheOthers() throws {
    let registry = try fixture.open()
    try fixture.importFile(try weights(Array(0..<10)).safetensors(), as: "safetensors", into: registry)
    try fixture.importFile(
      try weights(Array(20..<50)).safetensors(), as: "safetensors", version: "v2", into: registry)
    let second = try VersionName(validating: "v2")
    // What is imported next takes both over: each has a header, too.
    try fixture.importFile(
      try weights(Array(60..<61)).safetensors(), as: "safetensors", version: "v3", into: registry)
    #expect(try rows(of: "packs") == 2)
    #expect(try rows(of: "segments") == 11 + 31)
    try registry.retention.retire(fixture.model, second)
    _ = try registry.retention.purge(nil, nil)
    #expect(try rows(of: "packs") == 1)
    #expect(try rows(of: "segments") == 11)
    let manifest = try fixture.importFile(
      try weights(Array(0..<10) + [70]).torchZip(), as: "pt", version: "v4", into: registry)
    #expect(manifest.weights[0].isStitched)
  }

  @Test func sumsOutliveTheProcess() throws {
    let registry = try fixture.open()
    try fixture.importFile(try weights([1, 2]).safetensors(), as: "safetensors", into: registry)
    try expectValid(registry)
    let sums = try registry.validation.knownSums(of: fixture.model, fixture.version)
    #expect(sums.split(separator: "\n").count == 3)
    #expect(try fixture.open(.reading).validation.knownSums(of: fixture.model, fixture.version) == sums)
  }

  @Test func tablesThatDoNotFitTheirFileAreRefused() throws {
    let registry = try fixture.open()
    try fixture.importFile(try weights([1, 2, 3]).safetensors(), as: "safetensors", into: registry)
    let original = try fixture.importFile(try weights([1, 2, 4]).torchZip(), as: "pt", version: "v2", into: registry)
      .weights[0]
    let table = try registry.records.table(try #require(original.table))
    let changes: [(inout Table.Stitch) -> Void] = [
      { $0.pack = 9 }, { $0.segment = -1 }, { $0.pieces.removeLast() }, { $0.pieces[0].literalByteCount = -1 },
      { $0.pieces[0].literalByteCount = .max }, { $0.pieces[0].storage = 3 }, { $0.pieces[1].literalByteCount += 1 },
    ]
    for change in changes {
      var broken = table
      var stitch = try #require(broken.stitch)
      change(&stitch)
      broken.stitch = stitch
      #expect(throws: StoreError.self) { try broken.checkConsistency() }
    }
    #expect(try registry.records.table(try table.store(in: registry.blobs, registry.blobs.newPins()).blob) == table)
  }

  @Test func aCopyInAnotherStoreIsWhole() throws {
    let registry = try fixture.open()
    let zip = try weights([1, 2, 4]).torchZip()
    try fixture.importFile(try weights([1, 2, 3]).safetensors(), as: "safetensors", into: registry)
    try fixture.importFile(zip, as: "pt", version: "v2", into: registry)
    let path = fixture.scratch("other")
    _ = try registry.copy(fixture.model, try VersionName(validating: "v2"), toStoreAt: path)
    #expect(try fixture.bytes(of: "pt", version: "v2", in: try fixture.open(.reading, path: path)) == zip)
  }
}
