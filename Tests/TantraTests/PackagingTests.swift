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

  @Test func theManualHasEveryCommand() throws {
    let page = try Command.run(Self.folder + "/manual", [TantraFixture.executable])
    #expect(page.status == 0, "\(page.errorText)")
    #expect(page.outputText.hasPrefix(".TH TANTRA 1"))
    for command in ["mount", "set-active", "purge", "upgrade-store", "config"] {
      #expect(page.outputText.contains(".SH \"tantra \(command)\""), "\(command)")
    }
    // A line of text that begins with a dot would be taken for a command.
    let commands: Set = [".TH", ".SH", ".nf", ".fi"]
    let lines = page.outputText.split(separator: "\n").filter { $0.hasPrefix(".") }
    #expect(lines.allSatisfy { line in commands.contains(String(line.prefix(3))) }, "\(lines)")
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
    #expect(fixture.wait { (try? fixture.scratch.read("log"))?.isEmpty == false })
  }

  @Test(canMount) func thePythonOfTheReadmeRuns() throws {
    try fixture.succeed("generate", "mamba", "--seed", "3", "--version", "v1.1")
    try fixture.mount()
    let count = try Python.oracle(
      "readme_python.py", [Python.packageRoot + "/README.md", fixture.mountpoint, TantraFixture.executable])
    #expect(Int(count.dropLast()) == 12)
  }

  @Test func theUnitNamesCommandsThatExist() throws {
    let unit = try String(contentsOfFile: Self.folder + "/tantra@.service", encoding: .utf8)
    let help = try fixture.succeed("mount", "--help")
    let start = try #require(unit.split(separator: "\n").first { $0.hasPrefix("ExecStart=") })
    let flags = start.split(separator: " ").filter { $0.hasPrefix("--") }
    #expect(flags.contains("--foreground") && flags.allSatisfy { help.contains($0) })
    guard try Command.run("sh", ["-c", "command -v systemd-analyze"]).status == 0 else { return }
    let check = try Command.run("systemd-analyze", ["verify", Self.folder + "/tantra@.service"])
    #expect(!check.errorText.contains("Unknown"), "\(check.errorText)")
  }
}
