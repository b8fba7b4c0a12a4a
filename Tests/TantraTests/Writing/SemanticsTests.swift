import Foundation
import TestSupport
import Testing

/// The examples of the page `Semantics`, run on a real mount.
@Suite("Promises 1 to 8, 11 and 12: the examples of the documentation", canMount, .onWaitingThreads)
struct SemanticsTests {
  struct Section: Sendable, CustomTestStringConvertible {
    var title: String
    var steps: [Step] = []
    var testDescription: String { title }
  }

  /// A command, and what it prints.
  struct Step: Sendable {
    var command: String
    var output: [String] = []
    var status = 0
  }

  static let page = Python.packageRoot + "/Sources/WeightsFS/WeightsFS.docc/Semantics.md"

  /// Sections of the page that have examples.
  static var sections: [Section] {
    var sections: [Section] = []
    var isExample = false
    let text = FileManager.default.contents(atPath: page).map { String(decoding: $0, as: UTF8.self) } ?? ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("## ") {
        sections.append(Section(title: String(line.dropFirst(3))))
      } else if line.hasPrefix("```") {
        isExample = line == "```console"
      } else if isExample, line.hasPrefix("$ ") {
        sections[sections.count - 1].steps.append(Step(command: String(line.dropFirst(2))))
      } else if isExample, let section = sections.indices.last, let step = sections[section].steps.indices.last {
        if line.hasPrefix("["), line.hasSuffix("]"), let status = Int(line.dropFirst().dropLast()) {
          sections[section].steps[step].status = status
        } else {
          sections[section].steps[step].output.append(line)
        }
      }
    }
    return sections.filter { !$0.steps.isEmpty }
  }

  @Test(arguments: sections) func everyExampleDoesWhatThePageSays(section: Section) throws {
    let mount = try WritingFixture()
    let script = section.steps.map { step in
      // The newline ends a last line that has none.
      "eval '\(step.command.replacing("'", with: "'\\''"))' 2>&1 < /dev/null; printf '\\n@@%d\\n' $?\n"
    }
    try FileManager.default.copyItem(
      atPath: mount.fixture.scratch("in/plain"), toPath: mount.fixture.scratch("in/speaker"))
    try FileManager.default.removeItem(atPath: mount.fixture.scratch("in/other/model.pt"))
    let output = try mount.run("set +eu +o pipefail\n" + script.joined()).outputText
    let answers = output.split(separator: "\n@@", omittingEmptySubsequences: false).map(String.init)
    for (index, step) in section.steps.enumerated() {
      // Each part begins with the status of the command before it.
      let part = index == 0 ? "0\n" + answers[0] : answers.indices.contains(index) ? answers[index] : "0\n"
      let printed = part.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().map(String.init)
      let lines = printed.last == "" ? printed.dropLast() : printed[...]
      let status = answers.indices.contains(index + 1) ? answers[index + 1].prefix { $0.isNumber } : "none"
      #expect(status == "\(step.status)", "$ \(step.command)\n\(lines.joined(separator: "\n"))")
      #expect(Self.matches(Array(lines), step.output), "$ \(step.command)\n\(lines.joined(separator: "\n"))")
    }
  }

  @Test func everyPromiseThatToolsCanBreakHasASection() {
    let numbers = Self.sections.compactMap { Int($0.title.prefix { $0.isNumber }) }
    #expect(numbers == [1, 2, 3, 4, 4, 5, 5, 6, 7, 8, 11, 12, 13])
  }

  /// Whether each line is as the page says, where `...` stands for anything, other lines too if it stands alone.
  private static func matches(_ lines: [String], _ expected: [String]) -> Bool {
    if expected == ["..."] { return !lines.isEmpty }
    guard lines.count == expected.count else { return false }
    return zip(lines, expected).allSatisfy { line, pattern in
      let parts = pattern.split(separator: "...", omittingEmptySubsequences: false)
      guard parts.count == 2 else { return line == pattern }
      return line.hasPrefix(parts[0]) && line.hasSuffix(parts[1])
    }
  }
}
