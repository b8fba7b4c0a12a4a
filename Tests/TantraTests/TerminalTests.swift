import Foundation
import TestSupport
import Testing

/// What commands print in terminals, wide and narrow, with and without colours.
@Suite struct TerminalTests {
  let fixture: TantraFixture

  init() throws {
    fixture = try TantraFixture()
    try fixture.succeed("generate", "mamba", "--seed", "3", "--version", "v1.1")
    try fixture.succeed("tag", "mamba/v1.1", "stable")
  }

  /// What a command prints in a terminal of so many columns.
  private func terminal(
    _ columns: Int, _ arguments: [String], _ environment: [String: String] = ["NO_COLOR": "1"]
  ) throws -> String {
    let line = "stty cols \(columns) rows 24; \"$TANTRA\" " + arguments.map { "'\($0)'" }.joined(separator: " ")
    let command = try Command.run(
      "script", ["-qec", line, "/dev/null"],
      environment: [
        "TERM": "xterm", "TANTRA": TantraFixture.executable, "TANTRA_STORE": fixture.storePath, "LC_ALL": "C",
      ]
      .merging(environment) { _, new in new })
    return command.outputText.replacing("\r\n", with: "\n")
  }

  private static let commands = [
    ["list-weights"], ["list-models"], ["history", "mamba"], ["stats"], ["stats", "--formats"], ["show", "mamba/v1.0"],
    ["show", "mamba"], ["show", "mamba/v1.0", "--tensors"], ["diff", "mamba", "v1.0", "v1.1"], ["config"],
  ]

  @Test(arguments: [80, 60], commands)
  func tablesFitTheTerminalAndSayWhatIsMissing(columns: Int, arguments: [String]) throws {
    let shown = try terminal(columns, arguments).split(separator: "\n", omittingEmptySubsequences: false)
    let whole = try fixture.tantra(arguments).outputText.split(separator: "\n", omittingEmptySubsequences: false)
    // The table: it ends where text begins that is no row.
    let isHead = { (line: Substring) in line.contains(/^[A-Z]+( |$)/) && line == line.uppercased() }
    let head = shown.firstIndex(where: isHead)
    let start = try #require(head, "\(shown)")
    // A line with ": " is prose below the table, which the terminal wraps.
    for row in shown[start...] where !row.contains(": ") && !row.hasPrefix("(") && !row.hasPrefix("duplicates") {
      #expect(row.count <= columns, "\(row)")
    }
    let wholeHead = try #require(whole.first { isHead($0) })
    let isTooWide = whole.contains { $0.count > columns && !$0.contains(": ") && !$0.hasPrefix("duplicates") }
    let note = shown.first { $0.hasPrefix("(") && $0.hasSuffix("; | cat shows all)") }
    #expect(!shown[start].contains("..."), "the head is whole: \(shown[start])")
    #expect((note != nil) == isTooWide, "\(shown.joined(separator: "\n"))")
    // What is gone is named, and what is not gone is there.
    let titles = wholeHead.split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) }
    for title in titles where note != nil && !title.isEmpty {
      #expect(shown[start].contains(title) || note?.contains(title) == true, "\(title) \(shown)")
    }
  }

  @Test func aWideTerminalAndAPipeShowEverything() throws {
    for arguments in Self.commands where arguments != ["stats", "--formats"] {
      #expect(try terminal(200, arguments) == fixture.tantra(arguments).outputText, "\(arguments)")
    }
    // Even if the environment says how wide a terminal would be.
    let piped = try Command.run(
      TantraFixture.executable, ["list-weights"],
      environment: ["COLUMNS": "20", "TERM": "xterm", "TANTRA_STORE": fixture.storePath])
    #expect(piped.outputText.contains("mamba  ") && piped.outputText.contains("safetensors*\n"))
  }

  @Test func namesStayWholeHoweverNarrowTheTerminalIs() throws {
    let shown = try terminal(12, ["list-weights"])
    #expect(shown.contains("mamba_multimodal"), "\(shown)")
  }

  @Test func coloursAreForTerminalsThatAreNotAskedForNone() throws {
    let escape = "\u{1B}["
    // An empty value asks for nothing.
    let coloured = ["NO_COLOR": ""]
    let shown = try terminal(200, ["list-weights", "mamba"], coloured)
    #expect(shown.hasPrefix("\(escape)1mMODEL\(escape)0m  "), "\(shown.debugDescription)")
    #expect(shown.contains("\(escape)32mactive") && !shown.contains("\(escape)32mstable"))
    let plain = shown.replacing(/\u{1B}\[[0-9;]*m/, with: "")
    #expect(plain == (try fixture.succeed("list-weights", "mamba")))
    #expect(
      try terminal(200, ["show", "nope"], coloured).hasPrefix("\(escape)31mtantra:\(escape)0m there is no model"))
    for environment in [["NO_COLOR": "1"], ["TERM": "dumb", "NO_COLOR": ""], ["TERM": "", "NO_COLOR": ""]] {
      #expect(!(try terminal(200, ["list-weights"], environment).contains("\u{1B}")), "\(environment)")
      #expect(!(try terminal(200, ["show", "nope"], environment).contains("\u{1B}")), "\(environment)")
    }
    let piped = try Command.run(
      TantraFixture.executable, ["list-weights"],
      environment: ["TERM": "xterm", "NO_COLOR": "", "TANTRA_STORE": fixture.storePath])
    #expect(!piped.outputText.contains("\u{1B}") && !piped.errorText.contains("\u{1B}"))
  }

  @Test(arguments: [80, 60]) func everyHelpFitsAndIsPlainASCII(columns: Int) throws {
    let help = try fixture.succeed("--help").split(separator: "\n")
    let commands = help.drop { $0 != "SUBCOMMANDS:" }.dropFirst().filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
      .compactMap { $0.split(whereSeparator: { " ,".contains($0) }).first.map(String.init) }
    #expect(commands.count > 28)
    for arguments in [["--help"]] + commands.filter({ $0 != "See" }).map({ [$0, "--help"] }) {
      let text = try terminal(columns, arguments)
      #expect(text.contains("USAGE: "), "\(arguments)")
      #expect(text.utf8.allSatisfy { $0 < 0x80 }, "\(arguments)")
      // The line of the usage is broken by the terminal, and a list of values that is one long word nowhere.
      for line in text.split(separator: "\n") where line.count > columns && !line.hasPrefix("USAGE: ") {
        #expect(line.split(separator: " ").contains { $0.count > columns - 30 }, "\(arguments) \(line)")
      }
    }
  }
}
