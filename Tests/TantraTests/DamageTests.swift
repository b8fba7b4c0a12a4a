import Foundation
import TestSupport
import Testing

/// Each kind of file in a store, missing or damaged: it is named, and everything else is served.
@Suite struct DamageTests {
  let fixture: TantraFixture

  init() throws {
    fixture = try TantraFixture(shipped: false)
    for (version, bias) in [("v1", Float(1)), ("v2", 2), ("v3", 3), ("v4", 4)] {
      let source = try fixture.scratch.write("x.safetensors", try Self.file(bias))
      try fixture.succeed("import", source, "--model", "m", "--version", version)
    }
    let source = try fixture.scratch.write("y.safetensors", try Self.file(9))
    try fixture.succeed("import", source, "--model", "other", "--version", "v1")
    try fixture.succeed("backup", "m", "v4")
    // v2 is removed and can be restored.
    try fixture.succeed("cleanup", "m", "--keep", "3")
  }

  /// Weights that have no tensor in common with others, so that no version needs another's blobs.
  private static func file(_ seed: Float) throws -> [UInt8] {
    try SmallWeights([("w", (0..<60).map { Float($0) + 1000 * seed }), ("b", [seed])]).safetensors()
  }

  private struct Manifest: Decodable {
    struct Original: Decodable { var blob: String }
    var weights: [Original]
    struct Main: Decodable { var table: String }
    var main: Main
  }

  private enum Change: CaseIterable { case missing, empty, garbled }

  private func damage(_ path: String, _ change: Change) throws {
    let full = fixture.scratch("store/" + path)
    switch change {
    case .missing: break
    case .empty: try Data().write(to: URL(fileURLWithPath: full + ".new"))
    case .garbled:
      var bytes = try fixture.scratch.read("store/" + path)
      for index in stride(from: bytes.count / 2, to: bytes.count, by: 3) { bytes[index] ^= 0x55 }
      try Data(bytes).write(to: URL(fileURLWithPath: full + ".new"))
    }
    try FileManager.default.removeItem(atPath: full)
    if change != .missing { try FileManager.default.moveItem(atPath: full + ".new", toPath: full) }
  }

  private func path(ofBlob blob: String) -> String { "weights/sha256/\(blob.prefix(2))/\(blob.dropFirst(2))" }

  private func manifest(_ version: String) throws -> Manifest {
    try JSONDecoder().decode(Manifest.self, from: Data(try fixture.scratch.read("store/models/m/\(version).json")))
  }

  /// What works whatever has happened to m/v3.
  private func expectTheRestIsServed() throws {
    #expect(try fixture.succeed("validate", "m", "v1").contains("valid"))
    #expect(try fixture.succeed("validate", "other").contains("valid"))
    try fixture.succeed("export", "m", "v1", "--to", fixture.scratch("out"))
    #expect(try fixture.succeed("list-models").contains("other"))
    try fixture.succeed("set-active", "m", "v4")
    #expect(try fixture.succeed("restore", "m", "v2") == "m/v2: restored\n")
    #expect(try fixture.succeed("validate", "m", "v2").contains("valid"))
    let source = try fixture.scratch.write("z.safetensors", try Self.file(7))
    try fixture.succeed("import", source, "--model", "m", "--version", "v7")
    let listing = try fixture.tantra(["list-weights", "--all"])
    #expect(["m      v1", "m      v4", "m      v7", "other  v1"].allSatisfy(listing.outputText.contains), "\(listing)")
  }

  @Test(arguments: ["missing", "empty", "garbled"])
  func aBlob(change: String) throws {
    let blob = try manifest("v3").weights[0].blob
    try damage(path(ofBlob: blob), change == "missing" ? .missing : change == "empty" ? .empty : .garbled)
    let command = try fixture.tantra(["validate"])
    #expect(command.status == 1)
    #expect(command.outputText.contains("m/v3: INVALID") && command.outputText.contains("m/v4: valid"))
    let export = try fixture.tantra(["export", "m", "v3", "--format", "pt", "--to", fixture.scratch("out3")])
    #expect([65, 74].contains(export.status) || change == "garbled", "\(export.status) \(export.errorText)")
    if change == "missing" { #expect(export.errorText.contains("blob \(blob) is missing")) }
    try expectTheRestIsServed()
  }

  @Test(arguments: ["missing", "empty", "garbled"])
  func aTable(change: String) throws {
    let table = try manifest("v3").main.table
    try damage(path(ofBlob: table), change == "missing" ? .missing : change == "empty" ? .empty : .garbled)
    let command = try fixture.tantra(["validate"])
    #expect(command.status == 1)
    #expect(command.outputText.contains("m/v3: INVALID") && command.outputText.contains("m/v4: valid"))
    let export = try fixture.tantra(["export", "m", "v3", "--format", "pt", "--to", fixture.scratch("out3")])
    #expect(export.status == 65 && export.errorText.contains(table), "\(export.errorText)")
    try expectTheRestIsServed()
  }

  @Test(arguments: ["empty", "garbled"])
  func aManifest(change: String) throws {
    try damage("models/m/v3.json", change == "empty" ? .empty : .garbled)
    let command = try fixture.tantra(["validate"])
    #expect(command.status == 1, "\(command.errorText)")
    let all = command.outputText + command.errorText
    #expect(all.contains("manifest of m/v3 is damaged") && all.contains("m/v4: valid"), "\(all)")
    let listing = try fixture.tantra(["list-weights"])
    #expect(listing.status == 65 && listing.errorText.contains("manifest of m/v3 is damaged"), "\(listing.errorText)")
    #expect(listing.errorText.contains("models/m/v3.json"))
    // The others are counted.
    let status = try fixture.succeed("status")
    #expect(status.contains("DAMAGED    the records of 1 version"), "\(status)")
    let stats = try fixture.tantra(["stats"])
    #expect(stats.status == 65 && stats.outputText.contains("v4"), "\(stats.outputText)")
    #expect(stats.errorText.contains("m/v3 is not counted"), "\(stats.errorText)")
    // Nobody knows what it needs: nothing is collected.
    let purge = try fixture.tantra(["purge"])
    #expect(purge.status == 65 && purge.errorText.contains("manifest of m/v3 is damaged"), "\(purge.errorText)")
    try expectTheRestIsServed()
  }

  @Test(arguments: ["empty", "garbled"])
  func aBackupRecord(change: String) throws {
    try damage("backups/m/v4@1.json", change == "empty" ? .empty : .garbled)
    let stored = try fixture.scratch.files(below: "store/weights")
    let purge = try fixture.tantra(["purge"])
    #expect(
      purge.status == 65 && purge.errorText.contains("backups/m/v4@1.json, what is kept of m/v4, is damaged"),
      "\(purge.errorText)")
    #expect(try fixture.scratch.files(below: "store/weights") == stored)
    let listing = try fixture.tantra(["list-weights", "--all"])
    #expect(listing.status == 65 && listing.errorText.contains("backups/m/v4@1.json, what is kept of m/v4, is damaged"))
    // A version whose backup cannot be read is still one that has a backup.
    try fixture.succeed("cleanup", "m", "--keep", "0")
    #expect(try fixture.succeed("list-weights", "m", "--json").contains("v4"))
    try fixture.succeed("restore", "m", "v3")
    try expectTheRestIsServed()
  }

  @Test(arguments: ["empty", "garbled"])
  func theRegistry(change: String) throws {
    try damage("weight_config.json", change == "empty" ? .empty : .garbled)
    for arguments in [["list-models"], ["set-active", "m", "v1"], ["validate", "--json"], ["purge"]] {
      let command = try fixture.tantra(arguments)
      #expect(command.status == (arguments[0] == "validate" ? 2 : 65), "\(arguments)")
      #expect(command.errorText.contains("weight_config.json is damaged"), "\(command.errorText)")
      #expect(command.errorText.contains("set-active"), "\(command.errorText)")
    }
    // As the message says.
    try FileManager.default.removeItem(atPath: fixture.scratch("store/weight_config.json"))
    try fixture.succeed("set-active", "m", "v1")
    try expectTheRestIsServed()
  }

  @Test(arguments: ["missing", "empty", "garbled"])
  func aHistory(change: String) throws {
    try fixture.succeed("set-active", "m", "v3")
    if change == "garbled" {
      try fixture.scratch.write("store/history/m.jsonl", Array("{\"time\": nothing\n".utf8))
    } else {
      try damage("history/m.jsonl", change == "missing" ? .missing : .empty)
    }
    let history = try fixture.tantra(["history", "m"])
    if change == "garbled" {
      #expect(history.status == 65 && history.errorText.contains("history/m.jsonl is damaged"), "\(history)")
    } else {
      #expect(history.status == 0)
    }
    #expect(try fixture.succeed("history", "other").contains("v1"))
    #expect(try fixture.succeed("list-models").contains("v3"))
    try fixture.succeed("set-active", "m", "v1")
    #expect(try fixture.succeed("history", "m").contains("v3    v1"))
    try expectTheRestIsServed()
  }

  @Test(arguments: [
    "", "\u{0}\u{1}nonsense", "pid 99999999999999999999\nuid -1\n", "pid 1\nuid 0\nmountpoint /nowhere\n",
  ])
  func aLockFileThatNobodyHolds(text: String) throws {
    try fixture.scratch.write("store/.staging/lock", Array(text.utf8))
    #expect(try fixture.succeed("status").contains("mounted    no"))
    try expectTheRestIsServed()
  }

  @Test func whatLiesInTheStagingFolder() throws {
    try fixture.scratch.write("store/.staging/ingest.1", [1])
    try fixture.scratch.write("store/.staging/v1.json.77", [1])
    let folder = fixture.scratch("store/.staging/somebodys")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: fixture.scratch("store/.staging/link"), withDestinationPath: "/etc/passwd")
    try expectTheRestIsServed()
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: fixture.scratch("store/.staging")).sorted()
        == ["changes", "lock", "somebodys"])
  }
}
