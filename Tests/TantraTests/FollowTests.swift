import Foundation
import PosixIO
import TestSupport
import Testing

/// A tag that moves, and those who follow it; and layouts behind a web server.
@Suite(canMount, .onWaitingThreads) struct FollowTests {
  let fixture: TantraFixture
  var layout: String { "oci:" + fixture.scratch("layout") }

  /// A layout with versions v1 to v4 of mamba under their names, and a store that has none of them.
  init() throws {
    fixture = try TantraFixture()
    for seed in 1...4 {
      try fixture.succeed("generate", "mamba", "--seed", "\(seed)", "--version", "v\(seed)")
      try fixture.succeed("push", "mamba/v\(seed)", "\(layout):v\(seed)")
    }
  }

  private func tantra(_ arguments: [String], store: String) throws -> Command {
    try Command.run(TantraFixture.executable, arguments + ["--store", fixture.scratch(store)])
  }

  private func move(to version: String) throws { try fixture.succeed("push", "mamba/\(version)", "\(layout):live") }

  @Test func whatATagPointsToIsActive() throws {
    try move(to: "v1")
    // A mounted store, in which somebody reads all the while.
    let mountpoint = fixture.scratch("weights-2")
    try #require(tantra(["mount", mountpoint, "--create"], store: "other").status == 0)
    defer { _ = try? Command.run(TantraFixture.executable, ["unmount", mountpoint]) }
    let follower = try ChildProgram(
      TantraFixture.executable,
      ["follow", "mamba", "\(layout):live", "--every", "1s", "--store", fixture.scratch("other")])
    func isActive(_ version: String) -> Bool {
      let link = try? FileManager.default.destinationOfSymbolicLink(atPath: mountpoint + "/mamba/active")
      return link == version
    }
    #expect(eventually { isActive("v1") })
    for version in ["v2", "v3", "v2", "v4"] {
      try move(to: version)
      #expect(eventually { isActive(version) }, "\(version)")
      let bytes = try fixture.scratch.read("weights-2/mamba/active/model.safetensors")
      try fixture.succeed(
        "export", "mamba", version, "--format", "safetensors", "--to", fixture.scratch("out"), "--force")
      #expect(try bytes == fixture.scratch.read("out/mamba_\(version)_safetensors.safetensors"))
    }
    // What was tampered with does not become active, and neither does another version under a name that is taken.
    let index = try fixture.scratch.read("layout/index.json")
    let text = String(decoding: index, as: UTF8.self)
    try fixture.scratch.write("layout/index.json", Array(text.replacing("\"live\"", with: "\"gone\"").utf8))
    usleep(2_500_000)
    #expect(isActive("v4"))
    try fixture.scratch.write("layout/index.json", index)
    try fixture.succeed("rm", "mamba/v2")
    try fixture.succeed("generate", "mamba", "--seed", "77", "--version", "v2")
    try move(to: "v2")
    usleep(2_500_000)
    #expect(isActive("v4") && follower.isRunning)
    try move(to: "v3")
    #expect(eventually { isActive("v3") })
    follower.end()
    let lines = try follower.finish().output
    #expect(lines.contains("mamba/v2 is published here with other weights"), "\(lines)")
    #expect(lines.contains("has no tag \"live\""), "\(lines)")
    #expect(lines.split(separator: "\n").filter { $0.hasPrefix("mamba/") }.count == 6, "\(lines)")
  }

  @Test func aMountedStoreFollowsByItself() throws {
    try move(to: "v1")
    try #require(tantra(["mount", fixture.mountpoint, "--create"], store: "other").status == 0)
    defer { _ = try? Command.run(TantraFixture.executable, ["unmount", fixture.mountpoint]) }
    // The model has to be there to have a policy.
    try #require(tantra(["pull", "\(layout):v3"], store: "other").status == 0)
    func follow(_ value: String) throws {
      let set = try tantra(["config", "mamba", "follow", value], store: "other")
      try #require(set.status == 0, "\(set.errorText)")
    }
    func isActive(_ version: String) -> Bool {
      let link = try? FileManager.default.destinationOfSymbolicLink(atPath: fixture.mountpoint + "/mamba/active")
      return link == version
    }
    #expect(isActive("v3"))
    try follow("\(layout):live")
    #expect(eventually { isActive("v1") })
    // What it looks for by itself takes its time.
    try move(to: "v2")
    #expect(eventually { isActive("v2") })
    let history = try tantra(["history", "mamba"], store: "other")
    #expect(history.outputText.contains("follow \(layout)@sha256:"), "\(history.outputText)")
    try follow("\(layout):gone")
    #expect(eventually { (try? fixture.text(".control/log"))?.contains("has no tag \"gone\"") == true })
    #expect(isActive("v2"))
  }

  @Test func onceIsAPullAndASwitch() throws {
    try move(to: "v2")
    let followed = try tantra(["follow", "mamba", "\(layout):live", "--once"], store: "other")
    #expect(followed.status == 0 && followed.outputText.hasSuffix("; active\n"), "\(followed.errorText)")
    // The name of the model is that of this store.
    let other = try tantra(["follow", "writer", "\(layout):v3", "--once", "--json"], store: "other")
    #expect(other.status == 0 && other.outputText.contains("\"model\":\"writer\""), "\(other.errorText)")
    #expect(try tantra(["follow", "mamba", "\(layout):nope", "--once"], store: "other").status == 66)
    #expect(try tantra(["follow", "mamba", layout, "--once"], store: "other").status == 64)
  }

  @Test func whoeverReadsWhileATagMovesGetsOneVersion() throws {
    let mountpoint = fixture.scratch("weights-2")
    try #require(tantra(["mount", mountpoint, "--create"], store: "other").status == 0)
    defer { _ = try? Command.run(TantraFixture.executable, ["unmount", mountpoint]) }
    func follow(_ version: String) throws {
      try move(to: version)
      let followed = try tantra(["follow", "mamba", "\(layout):live", "--once"], store: "other")
      #expect(followed.status == 0, "\(version): \(followed.errorText)")
      let link = try FileManager.default.destinationOfSymbolicLink(atPath: mountpoint + "/mamba/active")
      #expect(link == version)
    }
    let digests = try (1...4).map { version in
      try fixture.succeed(
        "export", "mamba", "v\(version)", "--format", "safetensors", "--to", fixture.scratch("out"))
      let sum = try Command.run("sha256sum", [fixture.scratch("out/mamba_v\(version)_safetensors.safetensors")])
      return String(sum.outputText.prefix(64))
    }
    #expect(Set(digests).count == 4)
    try follow("v1")
    let stop = fixture.scratch("stop")
    let readers = try ChildProgram(
      Python.interpreter,
      [Python.oraclesFolder + "/follow_readers.py", mountpoint + "/mamba", stop, "4"] + digests)
    #expect(try readers.readLine() == "begun")
    for move in 1...50 { try follow("v\(move % 4 + 1)") }
    try fixture.scratch.write("stop", [])
    let end = try readers.finish()
    #expect(end.status == 0, "\(end.output)")
    struct Reader: Decodable { var reads: Int, changes: Int }
    let seen = try JSONDecoder().decode([Reader].self, from: Data(end.output.utf8))
    #expect(seen.count == 4 && seen.allSatisfy { $0.reads >= 20 && $0.changes >= 5 }, "\(end.output)")
  }

  @Test func aLayoutBehindAWebServerIsAMirror() throws {
    let server = try ChildProgram(
      Python.interpreter, [Python.oraclesFolder + "/static_server.py", fixture.scratch.path])
    let port = try #require(try server.readLine())
    let mirror = "http://127.0.0.1:\(port)/layout"
    let list = try Command.run(TantraFixture.executable, ["remote", "list", mirror])
    #expect(list.status == 0 && list.outputText.contains("mamba/v3"), "\(list.errorText)")
    let pulled = try tantra(["pull", "\(mirror):v3"], store: "other")
    #expect(pulled.status == 0 && pulled.outputText.hasSuffix("; active\n"), "\(pulled.errorText)")
    #expect(try tantra(["validate", "mamba", "v3"], store: "other").status == 0)
    let whole = try ChildProgram(
      Python.interpreter, [Python.oraclesFolder + "/static_server.py", fixture.scratch.path, "--norange"])
    let other = try #require(try whole.readLine())
    for (arguments, status, words) in [
      (["pull", "http://127.0.0.1:\(other)/layout:v2"], 74, "ignores Range"), (["pull", "\(mirror):v9"], 66, "no tag"),
      (["pull", "http://127.0.0.1:\(port)/none:v9"], 66, "404"),
      (["push", "mamba/v3", "\(mirror):x"], 77, "only be read"),
      (["pull", "http://example.com/layout:v1"], 64, "not encrypted"),
    ] as [([String], Int32, String)] {
      let refused = try tantra(arguments, store: "other")
      #expect(refused.status == status && refused.errorText.contains(words), "\(arguments) \(refused.errorText)")
    }
  }
}
