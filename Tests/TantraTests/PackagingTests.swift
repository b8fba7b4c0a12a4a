import Foundation
import TestSupport
import Testing

/// What is installed beside the program.
@Suite struct PackagingTests {
  private let fixture: TantraFixture
  private static let folder = Python.packageRoot + "/.packaging"

  init() throws { fixture = try TantraFixture() }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsAreGenerated(shell: String) throws {
    let script = try fixture.succeed("--generate-completion-script", shell)
    #expect(script.contains("set-active") && script.contains("upgrade-store"))
    guard shell == "bash" else { return }
    try fixture.scratch.write("completion", Array(script.utf8))
    let check = try Command.run("bash", ["-n", fixture.scratch("completion")])
    #expect(check.status == 0, "\(check.errorText)")
  }

  /// The pages, by name, as their authors wrote them.
  private func pages() throws -> [String: String] {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder + "/man").filter { $0.hasSuffix(".1") }
    return try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try String(contentsOfFile: Self.folder + "/man/" + $0, encoding: .utf8)) })
  }

  @Test func theManualHasEveryCommandAndOption() throws {
    let pages = try pages()
    let help = try fixture.succeed("--help")
    let commands = help.split(separator: "\n").drop { $0 != "SUBCOMMANDS:" }.dropFirst()
      .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.contains("See 'tantra") }
      .compactMap { $0.split(whereSeparator: { " ,".contains($0) }).first.map(String.init) }
    #expect(commands.count > 25)
    for command in commands {
      let page = try #require(
        pages.values.first { $0.contains("\n.SS \(command.replacing("-", with: "\\-"))\n") }, "no page has \(command)")
      // What the text above says of other commands does not count.
      let options = try fixture.succeed(command, "--help").split(separator: "\n").filter { $0.hasPrefix("  -") }
        .flatMap { $0.matches(of: /--[a-z][a-z-]+/) }.map { String($0.output) }
      for option in Set(options).subtracting(["--help"]) {
        #expect(page.contains(option.replacing("-", with: "\\-")), "\(command): \(option)")
      }
    }
  }

  @Test func theManualTellsOfNoOptionThatThereIsNot() throws {
    let help = try fixture.succeed("--help") + fixture.succeed("--help-hidden")
    var known = Set(help.matches(of: /--[a-z][a-z-]+/).map { String($0.output) })
    for line in help.split(separator: "\n") where line.hasPrefix("  ") && !line.hasPrefix("   ") {
      guard let command = line.split(whereSeparator: { " ,".contains($0) }).first, !command.hasPrefix("-") else {
        continue
      }
      let text = try fixture.tantra([String(command), "--help"]).outputText
      known.formUnion(text.matches(of: /--[a-z][a-z-]+/).map { String($0.output) })
    }
    known.formUnion(["--generate-completion-script", "--version"])
    for (name, page) in try pages() {
      let named = page.matches(of: /\\-\\-[a-z][a-z\\-]+/).map { String($0.output).replacing("\\", with: "") }
      #expect(Set(named).subtracting(known).isEmpty, "\(name)")
    }
  }

  @Test func theManualIsSetWithoutAWarning() throws {
    for name in try pages().keys {
      for tool in [["man", "--warnings", "-l"], ["groff", "-ww", "-man", "-Tutf8", "-z"]] {
        guard try Command.run("sh", ["-c", "command -v \(tool[0])"]).status == 0 else { continue }
        let set = try Command.run(
          tool[0], tool.dropFirst() + ["\(Self.folder)/man/\(name)"],
          environment: ["LC_ALL": "C.UTF-8", "MANPAGER": "cat"])
        #expect(set.status == 0 && set.errorText.isEmpty, "\(name): \(set.errorText)")
      }
    }
  }

  @Test(canMount) func mountOfTypeTantraMountsAsFstabDoes() throws {
    try #require(getuid() == 0, "only root runs mount(8)")
    // A private /sbin: mount(8) looks for its helpers nowhere else.
    let helper = fixture.scratch("sbin")
    try FileManager.default.createDirectory(atPath: helper, withIntermediateDirectories: true)
    let script = """
      set -e
      cp -a /sbin/. '\(helper)/'
      cp '\(Self.folder)/mount.fuse.tantra' '\(helper)/'
      ln -s '\(TantraFixture.executable)' '\(helper)/tantra'
      mkdir -p '\(fixture.mountpoint)'
      unshare --mount --propagation private sh -ec '
        mount --bind "\(helper)" "$(readlink -f /sbin)"
        export PATH="\(helper):$PATH"
        mount -t fuse.tantra -o ro,allow_other,noatime,log_file="\(fixture.scratch("log"))" "\(fixture.storePath)" "\(fixture.mountpoint)"
        grep -o "\(fixture.mountpoint) fuse.tantra r[ow],[^ ]*" /proc/mounts
        readlink "\(fixture.mountpoint)/mamba/active"
        umount "\(fixture.mountpoint)"
      '
      """
    let command = try Command.run("bash", ["-c", script])
    #expect(command.status == 0, "\(command.errorText)")
    #expect(command.outputText.contains("fuse.tantra ro,") && command.outputText.contains("allow_other"))
    #expect(command.outputText.hasSuffix("v1.0\n"), "\(command.outputText)")
    #expect(eventually { (try? fixture.scratch.read("log"))?.isEmpty == false })
  }

  @Test(canMount) func thePythonOfTheReadmeRuns() throws {
    try fixture.succeed("generate", "mamba", "--seed", "3", "--version", "v1.1")
    try fixture.mount()
    let count = try Python.oracle(
      "readme_python.py", [Python.packageRoot + "/README.md", fixture.mountpoint, TantraFixture.executable])
    #expect(Int(count.dropLast()) == 12)
  }

  @Test(arguments: [
    ("tantra@.service", "mount"), ("tantra-metrics@.service", "metrics"), ("tantra-follow@.service", "follow"),
  ])
  func unitsNameCommandsThatExist(name: String, command: String) throws {
    let unit = try String(contentsOfFile: Self.folder + "/" + name, encoding: .utf8)
    let help = try fixture.succeed(command, "--help")
    let start = try #require(unit.split(separator: "\n").first { $0.hasPrefix("ExecStart=") })
    let flags = start.split(separator: " ").filter { $0.hasPrefix("--") }
    #expect(start.contains(" \(command) ") && !flags.isEmpty && flags.allSatisfy { help.contains($0) })
    guard try Command.run("sh", ["-c", "command -v systemd-analyze"]).status == 0 else { return }
    let check = try Command.run("systemd-analyze", ["verify", Self.folder + "/" + name])
    #expect(!check.errorText.contains("Unknown"), "\(check.errorText)")
  }
}
