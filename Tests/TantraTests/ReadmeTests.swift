import Foundation
import TestSupport
import Testing

/// The commands of the README. What stands between ```` ```console ```` runs as it is written, from the first line to the last, in one
/// shell, and prints what the page says. What stands between ```` ```sh ```` takes root, systemd, a network or somebody who types: of that
/// every command and every option exists.
@Suite struct ReadmeTests {
  /// A command, and what the page says that it prints.
  private struct Step {
    var command: String
    var output: [String] = []
  }

  private static let page = Python.packageRoot + "/README.md"

  /// The lines of all blocks of a kind.
  private static func blocks(_ kind: String) throws -> [String] {
    var (lines, isInside) = ([String](), false)
    for line in try String(contentsOfFile: page, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    {
      if line.hasPrefix("```") { isInside = line == "```" + kind } else if isInside { lines.append(String(line)) }
    }
    return lines
  }

  private static func steps() throws -> [Step] {
    try blocks("console").reduce(into: []) { steps, line in
      if line.hasPrefix("$ ") {
        steps.append(Step(command: String(line.dropFirst(2))))
      } else if !steps.isEmpty {
        steps[steps.count - 1].output.append(line)
      }
    }
  }

  /// A clone of the repository, as somebody has it who has built it and follows the page: a home, and `tantra` and `python` in the
  /// path.
  private func run(_ script: String, home: TemporaryFolder) throws -> Command {
    for folder in ["home", "clone", "bin"] {
      try FileManager.default.createDirectory(atPath: home(folder), withIntermediateDirectories: true)
    }
    try FileManager.default.copyItem(atPath: Python.packageRoot + "/Model", toPath: home("clone/Model"))
    try FileManager.default.createSymbolicLink(
      atPath: home("bin/tantra"), withDestinationPath: TantraFixture.executable)
    return try Command.run(
      "bash", ["-c", script],
      environment: [
        "HOME": home("home"), "PATH": home("bin") + ":" + Python.folder + ":/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C",
        "HF_HUB_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1", "TRANSFORMERS_VERBOSITY": "error", "TERM": "dumb",
      ], folder: home("clone"))
  }

  @Test(canMount) func theTourRunsAsItIsWritten() throws {
    let steps = try Self.steps()
    #expect(steps.count > 50)
    let home = try TemporaryFolder()
    defer {
      // Also if a step has failed.
      _ = try? Command.run(TantraFixture.executable, ["unmount", "--lazy", home("home/weights")])
    }
    let script = steps.map { step in
      // The newline ends a last line that has none.
      "eval '\(step.command.replacing("'", with: "'\\''"))' 2>&1 < /dev/null; printf '\\n@@\\n'\n"
    }
    let output = try run(script.joined(), home: home).outputText
    let printed = output.components(separatedBy: "\n@@\n")
    #expect(printed.count == steps.count + 1)
    for (step, text) in zip(steps, printed) {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      let shown = lines.last == "" ? Array(lines.dropLast()) : lines
      #expect(
        Self.matches(shown.map { Self.normal($0, home: home) }, step.output.map { Self.normal($0, home: home) }),
        "$ \(step.command)\n\(shown.joined(separator: "\n"))\n-- the page:\n\(step.output.joined(separator: "\n"))")
    }
  }

  /// A line without what is never twice the same: times, numbers of processes and users, and where the home is.
  private static func normal(_ line: String, home: TemporaryFolder) -> String {
    line.replacing(home("home"), with: "/home/ada")
      .replacing(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/, with: "TIME")
      .replacing(/(process|user) (?:\S+ \(\d+\)|\d+)/) { "\($0.output.1) N" }
      .replacing(/TIME  \S+ \(\d+\) +\S+ \(\d+\) +/, with: "TIME  USER  PROCESS  ")
      .replacing(/\ +$/, with: "")
  }

  /// Whether each line is as the page says. `...` stands for anything; alone in a line, for any lines.
  private static func matches(_ lines: [String], _ expected: [String]) -> Bool {
    guard let first = expected.first else { return lines.isEmpty }
    if first == "..." {
      let rest = Array(expected.dropFirst())
      return (0...lines.count).contains { matches(Array(lines.dropFirst($0)), rest) }
    }
    guard let line = lines.first, matches(line, first) else { return false }
    return matches(Array(lines.dropFirst()), Array(expected.dropFirst()))
  }

  private static func matches(_ line: String, _ pattern: String) -> Bool {
    let parts = pattern.components(separatedBy: "...")
    guard parts.count > 1 else { return line == pattern }
    var rest = line[...]
    for (index, part) in parts.enumerated() where !part.isEmpty {
      guard let found = rest.range(of: part), index > 0 || found.lowerBound == rest.startIndex else { return false }
      rest = rest[found.upperBound...]
    }
    return parts.last == "" || rest.isEmpty
  }

  @Test func otherCommandsOfThePageExist() throws {
    let lines = try Self.blocks("sh")
    let commands = lines.flatMap { line -> [String] in
      line.components(separatedBy: " #")[0].components(separatedBy: "&&")
    }
    var helps: [String: String] = [:]
    for command in commands {
      let words = command.split(separator: " ").map(String.init)
      guard words.first == "tantra", words.count > 1, !words[1].hasPrefix("-") else {
        continue
      }
      let help = try helps[words[1]] ?? Command.run(TantraFixture.executable, [words[1], "--help"]).outputText
      helps[words[1]] = help
      #expect(help.contains("USAGE: tantra"), "\(words)")
      for option in words where option.hasPrefix("--") { #expect(help.contains(option), "\(words)") }
    }
    #expect(helps.count >= 4, "\(helps.keys)")
    // Files of the repository that they name.
    for line in lines {
      for path in line.matches(of: /(\.packaging|\.ci)\/[A-Za-z0-9@.\/-]+/).map({ String($0.output.0) })
      where !path.hasSuffix("/") {
        #expect(FileManager.default.fileExists(atPath: Python.packageRoot + "/" + path), "\(line)")
      }
    }
  }

  @Test func everyLinkLeadsToAFile() throws {
    let text = try String(contentsOfFile: Self.page, encoding: .utf8)
    let links =
      text.matches(of: /\]\(([^)#]+)\)/).map { String($0.output.1) }
      + text.matches(of: /`((Sources|Tests|\.packaging|\.ci)\/[A-Za-z0-9.\/]+)`/).map { String($0.output.1) }
    #expect(links.count > 8)
    for link in links where !link.hasPrefix("http") && !link.contains("<") {
      #expect(FileManager.default.fileExists(atPath: Python.packageRoot + "/" + link), "\(link)")
    }
  }

  @Test(canMount) func theRecordedTerminalShowsWhatIsPrinted() throws {
    let home = try TemporaryFolder()
    let command = try Command.run(
      "python3",
      [
        Python.packageRoot + "/.packaging/record", "--tantra", TantraFixture.executable, "--output", home("tour.svg"),
      ])
    #expect(command.status == 0, "\(command.errorText)")
    let recorded = String(decoding: try home.read("tour.svg"), as: UTF8.self)
    let kept = try String(contentsOfFile: Python.packageRoot + "/.packaging/tour.svg", encoding: .utf8)
    #expect(recorded == kept, "record it anew: .packaging/record\n\(recorded)")
    let isWhole = try Command.run(
      "python3", ["-c", "import sys, xml.dom.minidom as m; m.parse(sys.argv[1])", home("tour.svg")])
    #expect(isWhole.status == 0, "\(isWhole.errorText)")
  }
}
