import Foundation
import TestSupport
import Testing

/// What `status` tells, of the machine and of a model, and how much commands say.
@Suite(canMount, .onWaitingThreads) struct StatusTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture(shipped: false) }

  private func weights(_ bias: Float = 0) throws -> String {
    try fixture.scratch.write("w\(bias).safetensors", try SmallWeights.example(bias: bias).safetensors())
  }

  private struct Report: Decodable {
    struct Mount: Decodable {
      var mountpoint: String
      var store: String?
      var uid: UInt32
      var isReadOnly: Bool
      var health: String
    }
    var store: String?
    var mount: Mount?
    var mounts: [Mount]
  }

  private func report() throws -> Report {
    try JSONDecoder().decode(Report.self, from: try fixture.tantra(["status", "--json"]).output)
  }

  @Test func everyLiveMountIsShown() throws {
    try fixture.succeed("init")
    try fixture.mount()
    let second = fixture.scratch("second")
    try fixture.succeed("mount", second, "--read-only")
    defer { _ = try? fixture.tantra(["unmount", second]) }

    let found = try report()
    #expect(found.mount?.mountpoint == fixture.mountpoint)
    let mine = found.mounts.filter { $0.store == fixture.storePath }
    #expect(mine.map(\.mountpoint) == [fixture.mountpoint, second])
    #expect(mine.map(\.isReadOnly) == [false, true])
    #expect(mine.map(\.health) == ["alive", "alive"])
    #expect(mine.map(\.uid) == [getuid(), getuid()])
    let text = try fixture.succeed("ps")
    #expect(text.contains("mounted    at \(fixture.mountpoint) by process"), "\(text)")
    #expect(text.split(separator: "\n").contains { $0.hasPrefix(second) && $0.contains("read") }, "\(text)")

    try fixture.succeed("unmount", second)
    #expect(try report().mounts.filter { $0.store == fixture.storePath }.map(\.mountpoint) == [fixture.mountpoint])
  }

  @Test func whereAMountIsSlowItSaysWhy() throws {
    try #require(getuid() == 0, "only root can become an ordinary user")
    let script = """
      set -eu
      setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$1" "$2" mount "$1/weights" --store "$1/store" --create
      "$2" status --store "$1/store"
      setpriv --reuid=65534 --regid=65534 --clear-groups "$2" unmount "$1/weights" --store "$1/store"
      """
    let folder = fixture.scratch("nobody")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    _ = try Command.run("chown", ["-R", "65534:65534", folder])
    _ = try Command.run("chmod", ["o+x", fixture.scratch.path])
    let done = try Command.run("bash", ["-c", script, "bash", folder, TantraFixture.executable])
    #expect(done.status == 0, "\(done.errorText)")
    #expect(done.outputText.contains("of user nobody (65534)"), "\(done.outputText)")
    #expect(done.outputText.contains("root did not mount it"), "\(done.outputText)")
  }

  @Test func howAModelStandsIsTold() throws {
    try fixture.succeed("import", try weights(1), "--model", "m", "--version", "v1")
    #expect(try fixture.succeed("status", "m").contains("active     v1, by itself"))
    try fixture.succeed("import", try weights(2), "--model", "m", "--version", "v2")
    try fixture.succeed("import", try weights(3), "--model", "m", "--version", "step-1")
    try fixture.mount()
    try fixture.succeed("set-active", "m/v2")
    try fixture.succeed("tag", "m/v1", "stable")
    try FileManager.default.createDirectory(atPath: fixture.mountpoint + "/m/next", withIntermediateDirectories: false)
    let lines = try fixture.succeed("status", "m").split(separator: "\n").map(String.init)
    let user = NSUserName()
    for line in [
      "model      m", "active     v2", "link       stable -> v1", "versions   2, and 1 checkpoint", "drafts     next",
    ] {
      #expect(lines.contains(line), "\(line) is not in \(lines)")
    }
    #expect(lines.contains { $0.hasPrefix("newest     step-1, published") })
    #expect(lines.contains { $0.contains("by user \(user) (\(getuid())), process tantra (") }, "\(lines)")
    #expect(try fixture.succeed("log", "m").contains("\(user) (\(getuid()))"))

    struct Standing: Decodable {
      var active: String
      var isChosen: Bool
    }
    let json = try JSONDecoder().decode(Standing.self, from: try fixture.tantra(["status", "m", "--json"]).output)
    #expect(json.active == "v2" && json.isChosen)
    let unknown = try fixture.tantra(["status", "n"])
    #expect(unknown.status == 66)
  }

  @Test func quietCommandsSayResultsAndErrorsAlone() throws {
    let home = fixture.scratch("home")
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
    let environment = ["HOME": home, "XDG_DATA_HOME": home, "TANTRA_STORE": ""]
    func run(_ arguments: String...) throws -> Command {
      try Command.run(TantraFixture.executable, arguments + ["--store", fixture.storePath], environment: environment)
    }
    let file = try weights(1)
    try fixture.succeed("import", file, "--model", "m", "--version", "v1")
    try fixture.succeed("import", file, "--model", "m", "--version", "step-1")
    #expect(try !run("list-weights").errorText.isEmpty)
    let quiet = try run("list-weights", "-q")
    #expect(quiet.errorText.isEmpty && quiet.outputText.contains("v1"))
    let verbose = try run("set-active", "m", "step-1", "--verbose")
    #expect(verbose.status == 0 && verbose.errorText.contains("active: m v1 -> step-1"), "\(verbose.errorText)")
    #expect(try run("set-active", "m", "v1").errorText.isEmpty)
    let both = try run("list-weights", "-q", "-v")
    #expect(both.status == 64 && both.errorText.contains("exclude each other"))
    let wrong = try run("show", "nothing", "-q")
    #expect(wrong.status == 66 && !wrong.errorText.isEmpty)
  }

  @Test func anImportWithoutAModelProposesOne() throws {
    let folder = fixture.scratch("my resnet")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try FileManager.default.copyItem(atPath: try weights(1), toPath: folder + "/model.safetensors")
    let refused = try fixture.tantra(["import", folder])
    #expect(refused.errorText.contains("use --model NAME, as --model my-resnet,"), "\(refused.errorText)")
    let file = try fixture.tantra(["import", folder + "/model.safetensors"])
    #expect(file.errorText.contains("as --model my-resnet,"), "\(file.errorText)")
  }
}
