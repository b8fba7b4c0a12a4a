import Foundation
import TestSupport
import Testing

@Suite(canMount, .onWaitingThreads) struct SwitchingTests {
  let fixture: TantraFixture

  init() throws {
    fixture = try TantraFixture()
    try fixture.succeed("generate", "mamba", "--seed", "7", "--version", "v1.1")
  }

  /// SHA-256 of a version's model.safetensors, as `VERSION=SHA256`.
  private func digest(_ version: String) throws -> String {
    let sum = try Command.run("sha256sum", [fixture.mountpoint + "/mamba/\(version)/model.safetensors"])
    return "\(version)=\(sum.outputText.prefix(64))"
  }

  @Test func everyReadThroughActiveIsOneVersionOrTheOther() throws {
    try fixture.mount()
    let stop = fixture.scratch("stop")
    let script = """
      '\(Python.interpreter)' '\(Python.packageRoot)/Tests/Oracles/mount_switch.py' '\(fixture.mountpoint)/mamba' '\(stop)' \
        \(try digest("v1.0")) \(try digest("v1.1")) > '\(fixture.scratch("seen"))' 2> '\(fixture.scratch("error"))' &
      reader=$!
      sleep 3
      for i in $(seq 40); do
        '\(TantraFixture.executable)' set-active mamba v1.1 > /dev/null || exit 3
        '\(TantraFixture.executable)' set-active mamba v1.0 > /dev/null || exit 3
      done
      touch '\(stop)'
      wait $reader
      """
    let command = try Command.run("bash", ["-c", script], environment: ["TANTRA_STORE": fixture.storePath])
    let seen = String(decoding: try fixture.scratch.read("seen"), as: UTF8.self)
    let complaint = String(decoding: try fixture.scratch.read("error"), as: UTF8.self)
    #expect(command.status == 0, "\(complaint)")
    struct Summary: Decodable { var switches_seen: Int }
    let summary = try JSONDecoder().decode(Summary.self, from: Data(seen.utf8))
    #expect(summary.switches_seen > 0, "\(seen)")
  }

  @Test func switchingActsThroughTheMountAndDirectlyAlike() throws {
    let direct = try fixture.succeed("set-active", "mamba", "v1.1")
    #expect(direct == "mamba: v1.0 -> v1.1\n")
    try fixture.mount()
    #expect(try fixture.succeed("set-active", "mamba", "v1.0") == "mamba: v1.1 -> v1.0\n")
    #expect(try Command.run("readlink", [fixture.mountpoint + "/mamba/active"]).outputText == "v1.0\n")
    try fixture.succeed("unmount", fixture.mountpoint)
    #expect(try fixture.succeed("list-models").contains("mamba             v1.0    2"))
  }

  @Test(arguments: [false, true])
  func rollbackAndHistoryTellTheSameMountedOrNot(mounted: Bool) throws {
    if mounted { try fixture.mount() }
    try fixture.succeed("set-active", "mamba", "v1.1")
    #expect(try fixture.succeed("rollback", "mamba") == "mamba: v1.1 -> v1.0\n")
    let lines = try fixture.succeed("history", "mamba").split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[3].contains("v1.1  v1.0  rollback"), "\(lines)")
    let again = try fixture.tantra(["rollback", "mamba"])
    #expect(again.status == 66)
    #expect(again.errorText.contains("no earlier active version"), "\(again.errorText)")
  }

  @Test func anOpenFileKeepsItsBytesAcrossASwitch() throws {
    try fixture.mount()
    let expected = try fixture.read("mamba/v1.0/model.pt")
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: fixture.mountpoint + "/mamba/active/model.pt"))
    let head = try #require(try handle.read(upToCount: 1000))
    try fixture.succeed("set-active", "mamba", "v1.1")
    let rest = try #require(try handle.readToEnd())
    #expect(Array(head + rest) == expected)
    #expect(try fixture.read("mamba/active/model.pt") != expected)
    try handle.close()
  }

  @Test func aShellSwitchesByWritingToTheControlFile() throws {
    try fixture.mount()
    let good = try Command.run("sh", ["-c", "echo mamba/v1.1 > .control/active"], folder: fixture.mountpoint)
    #expect(good.status == 0, "\(good.errorText)")
    #expect(try fixture.text("mamba/active/config.json") == fixture.text("mamba/v1.1/config.json"))
    let bad = try Command.run("bash", ["-c", "echo mamba/v9 > .control/active"], folder: fixture.mountpoint)
    #expect(bad.status != 0 && bad.errorText.contains("No such file or directory"), "\(bad.errorText)")
    #expect(try fixture.text(".control/log").contains("mamba has no version \"v9\""))
    #expect(try Command.run("readlink", [fixture.mountpoint + "/mamba/active"]).outputText == "v1.1\n")
  }
}
