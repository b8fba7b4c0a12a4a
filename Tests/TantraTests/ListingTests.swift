import Foundation
import Tensors
import TestSupport
import Testing

/// What `list-weights` lists, what it counts, and what `rm` does with a draft.
@Suite(canMount, .onWaitingThreads) struct ListingTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(shipped: false) }

  private func weights(_ bias: Float = 0) throws -> String {
    try fixture.scratch.write("w\(bias).safetensors", try SmallWeights.example(bias: bias).safetensors())
  }

  private struct Line: Decodable {
    var version: String
    var links: [String]
    var isCheckpoint: Bool
    var isDraft: Bool
    var kept: String?
  }

  private func lines(_ arguments: String...) throws -> [Line] {
    let command = try fixture.tantra(["list-weights", "--json"] + arguments)
    return try JSONDecoder().decode([Line].self, from: command.output)
  }

  @Test(arguments: [false, true]) func everythingIsListedOrCounted(isMounted: Bool) throws {
    for (bias, version) in [(Float(1), "v1"), (2, "v2"), (3, "v3")] {
      try fixture.succeed("import", try weights(bias), "--model", "m", "--version", version)
    }
    for step in ["checkpoint-1", "checkpoint-2"] {
      try fixture.succeed("import", try weights(4), "--model", "m", "--version", step)
    }
    try fixture.succeed("tag", "m/v1", "stable")
    try fixture.succeed("tag", "m/checkpoint-2", "best")
    try fixture.succeed("rm", "m/v3")
    try fixture.mount()
    try FileManager.default.createDirectory(atPath: fixture.mountpoint + "/m/next", withIntermediateDirectories: false)
    if !isMounted { try fixture.succeed("unmount") }

    let plain = try fixture.tantra(["ls"])
    let rows = plain.outputText.split(separator: "\n").map {
      $0.split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    #expect(
      rows.dropFirst().map { $0[1] + ": " + $0[2] } == ["checkpoint-2: checkpoint best", "v1: active stable", "v2: 47"])
    #expect(
      plain.errorText == """
        drafts, without complete weights: m/next
        checkpoints not listed: 1
        backups, removed and replaced versions: 1
        tantra list-weights --all tells more

        """)
    let all = try fixture.tantra(["ls", "--all"])
    for words in ["next          draft", "checkpoint-1  checkpoint", "v3@1          removed"] {
      #expect(all.outputText.contains(words), "\(all.outputText)")
    }
    // What it says a purge would free is what one frees.
    let freed = try #require(all.errorText.split(separator: "\n").last { $0.hasPrefix("tantra purge would free ") })
    struct Report: Decodable { var freedBytes: Int }
    let report = try JSONDecoder().decode(Report.self, from: try fixture.tantra(["purge", "--json"]).output)
    #expect(report.freedBytes > 0 && freed.hasSuffix(" \(ByteCount(bytes: report.freedBytes))"), "\(freed) \(report)")

    #expect(try lines().map(\.version) == ["checkpoint-2", "v1", "v2"])
    #expect(try lines().first { $0.version == "v1" }?.links == ["active", "stable"])
    #expect(try lines("--all").filter(\.isDraft).map(\.version) == ["next"])
  }

  @Test func aModelOfCheckpointsAloneIsListed() throws {
    try fixture.succeed("import", try weights(), "--model", "m", "--version", "checkpoint-1")
    #expect(try fixture.succeed("ls", "m").contains("checkpoint-1  checkpoint"))
    try fixture.succeed("set-active", "m/checkpoint-1")
    #expect(try fixture.succeed("ls", "m").contains("checkpoint-1  checkpoint active"))
    // Beside others it is listed for as long as users get it.
    try fixture.succeed("import", try weights(1), "--model", "m", "--version", "v1")
    #expect(try lines().map(\.version) == ["checkpoint-1", "v1"])
    try fixture.succeed("set-active", "m/v1")
    #expect(try lines().map(\.version) == ["v1"])
  }

  @Test func nothingIsNoTable() throws {
    try fixture.succeed("init")
    let command = try fixture.tantra(["ls"])
    #expect(command.status == 0 && command.outputText.isEmpty && command.errorText == "no versions yet\n")
    #expect(try fixture.tantra(["ls", "m", "--all"]).status == 66)
  }

  @Test(arguments: [false, true]) func aDraftIsCalledSoAndRemovedWithItsFiles(isMounted: Bool) throws {
    try fixture.succeed("import", try weights(), "--model", "m", "--version", "v1")
    try fixture.mount()
    let shell = """
      cd '\(fixture.mountpoint)'; mkdir -p m/next/vocab new/first new/second
      echo hello > m/next/vocab/words.txt; echo '{}' > new/first/config.json
      """
    #expect(try Command.run("sh", ["-ec", shell]).status == 0)
    if !isMounted { try fixture.succeed("unmount") }
    for (arguments, words) in [
      (["show", "m/next"], "m/next is a draft"), (["set-active", "m/next"], "m/next is a draft"),
      (["export", "m/next"], "m/next is a draft"), (["show", "new"], "new has no version yet, only drafts"),
      (["ls", "new"], "hold no complete weights: first, second"),
    ] {
      let command = try fixture.tantra(arguments)
      #expect(command.status == 66 && command.errorText.contains(words), "\(arguments) \(command.errorText)")
    }
    #expect(try fixture.succeed("show", "m").contains("no version yet: next"))
    #expect(try fixture.succeed("rm", "m/next") == "removed m/next\n")
    #expect(try fixture.succeed("remove", "new") == "removed new/first\nremoved new/second\n")
    #expect(try fixture.tantra(["rm", "m/next"]).errorText.contains("no version \"next\""))
    #expect(try fixture.tantra(["ls"]).errorText.isEmpty)
    if !isMounted { try fixture.mount() }
    let look = "cd '\(fixture.mountpoint)'; ls -A m; [ ! -e new ] || echo new; cat m/next/vocab/words.txt"
    let listing = try Command.run("sh", ["-c", look])
    #expect(listing.outputText == "active\nv1\n", "\(listing)")
    #expect(listing.errorText.contains("No such file or directory"))
    // The names are free, and a program that still has a file of the draft open keeps it.
    let again = """
      cd '\(fixture.mountpoint)'; mkdir m/next; echo hello > m/next/notes; exec 5< m/next/notes
      echo m/next > .control/remove; cat <&5; test ! -e m/next; mkdir m/next
      """
    let command = try Command.run("bash", ["-euc", again])
    #expect(command.status == 0 && command.outputText == "hello\n", "\(command)")
  }
}
