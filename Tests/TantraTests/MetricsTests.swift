import Foundation
import PosixIO
import TestSupport
import Testing

/// `tantra metrics`: what a mount counts, once and over HTTP.
@Suite(canMount, .onWaitingThreads) struct MetricsTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  /// A server on a port of its own. It is ended with this object.
  private final class Server {
    let process: ChildProcess
    /// `http://127.0.0.1:40123`.
    let address: String

    /// - Parameter launcher: a program that becomes the one that its arguments name.
    init(_ fixture: TantraFixture, _ arguments: [String], launcher: [String] = []) throws {
      let output = fixture.scratch(UUID().uuidString)
      process = try ChildProcess(
        "/bin/sh",
        [
          "sh", "-c", #"out=$1; shift; exec "$@" > "$out" 2>&1"#, "sh", output,
        ] + launcher + [TantraFixture.executable, "metrics", "--listen", "127.0.0.1:0"] + arguments)
      var line = ""
      _ = eventually {
        line = FileManager.default.contents(atPath: output).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return line.hasSuffix("\n")
      }
      address = String(line.prefix { $0 != " " }.dropLast("/metrics".count))
      #expect(line == "\(address)/metrics and /healthz; Ctrl-C ends it\n" && address.hasPrefix("http://127.0.0.1:"))
    }

    deinit { process.end() }

    var port: String { String(address.split(separator: ":")[2]) }
  }

  private func server() throws -> Server { try Server(fixture, ["--store", fixture.storePath]) }

  /// What curl gets: the body, and the status in the last line.
  private func curl(_ server: Server, _ path: String, _ options: String...) throws -> (status: Int, body: String) {
    let command = try Command.run(
      "curl", ["-sS", "--max-time", "20", "--noproxy", "*", "-w", "\n%{http_code}"] + options + [server.address + path])
    #expect(command.status == 0, "\(command.errorText)")
    let lines = command.outputText.split(separator: "\n", omittingEmptySubsequences: false)
    return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
  }

  /// Names of families, each with its type, as the text itself says.
  private func families(_ text: String) -> [String: String] {
    Dictionary(
      text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { line in
        let words = line.split(separator: " ")
        return (String(words[2]), String(words[3]))
      }, uniquingKeysWith: { first, _ in first })
  }

  @Test func whatIsReadIsCountedAndServed() throws {
    try fixture.mount()
    let server = try server()
    let size = try fixture.read("mamba/v1.0/model.pt").count
    let labels = #"{model="mamba",version="v1.0",format="pt"}"#
    #expect(
      eventually {
        (try? curl(server, "/metrics").body.contains("tantra_opens_total\(labels) 1\n")) == true
      })
    let (status, text) = try curl(server, "/metrics")
    #expect(status == 200)
    for line in [
      "tantra_up 1", "tantra_models 3", "tantra_versions 3", "tantra_opens_total\(labels) 1",
      "tantra_info{version=\"0.1.0\",store=\"\(fixture.storePath)\",mountpoint=\"\(fixture.mountpoint)\"} 1",
    ] {
      #expect(text.contains("\n\(line)\n"), "\(line)\n\(text)")
    }
    // What the kernel did not read itself.
    let bytes = text.split(separator: "\n").first { $0.hasPrefix("tantra_read_bytes_total\(labels)") }
    #expect(bytes?.hasSuffix(" \(size)") == true || bytes?.hasSuffix(" 0") == true, "\(bytes ?? "none")")
    for family in families(text) { #expect(text.contains("# HELP \(family.key) "), "\(family)") }
    #expect(try curl(server, "/metrics", "-D", "-").body.contains("Content-Type: text/plain; version=0.0.4"))
    // What is printed once is the same, but for the time that it took.
    let printed = try fixture.succeed("metrics")
    #expect(Set(families(printed).keys) == Set(families(text).keys))
    #expect(printed.contains("tantra_opens_total\(labels) 1\n"))
    struct Sample: Decodable {
      var name: String
      var labels: [String: String]
      var value: Double
    }
    let samples = try JSONDecoder().decode([Sample].self, from: Data(try fixture.succeed("metrics", "--json").utf8))
    #expect(samples.count == printed.split(separator: "\n").count { !$0.hasPrefix("#") })
    #expect(samples.contains { $0.name == "tantra_opens_total" && $0.labels["format"] == "pt" && $0.value == 1 })
    #expect(samples.first { $0.name == "tantra_info" }?.labels["mountpoint"] == fixture.mountpoint)
  }

  @Test func everyNameOnTheDashboardIsServed() throws {
    try fixture.mount()
    _ = try fixture.read("mamba/v1.0/model.pt")
    let served = families(try fixture.succeed("metrics"))
    let folder = Python.packageRoot + "/.packaging/grafana"
    let dashboard = try String(contentsOfFile: folder + "/tantra.json", encoding: .utf8)
    _ = try JSONSerialization.jsonObject(with: Data(dashboard.utf8))
    let named = Set(dashboard.matches(of: /tantra_[a-z_]+/).map { String($0.output) })
    #expect(named == Set(served.keys), "\(named.symmetricDifference(served.keys))")
    // Labels that its expressions sum by.
    for label in ["model", "version", "format"] { #expect(try fixture.succeed("metrics").contains("\(label)=\"")) }
  }

  /// As the first process of a container, it gets what it has started and left alone.
  @Test func whoHasAskedForItIsWaitedForWhereNobodyElseDoes() throws {
    try fixture.mount()
    let subreaper =
      "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
    let server = try Server(
      fixture, ["--store", fixture.storePath], launcher: [Python.interpreter, "-c", subreaper])
    for _ in 0..<12 {
      #expect(try curl(server, "/healthz").status == 200)
      // Longer than an answer is told to others.
      usleep(250_000)
    }
    let children = try Command.run(
      "sh", ["-c", "grep -lsE '^PPid:\\s\(server.process.number)$' /proc/[0-9]*/status | wc -l"])
    #expect(try #require(Int(children.outputText.dropLast())) < 6)
  }

  @Test func healthFollowsTheMount() throws {
    let server = try server()
    // Mounts of other stores that hang are asked, too.
    let reason =
      "the store \(fixture.storePath) is not mounted; tantra mount MOUNTPOINT --store \(fixture.storePath) mounts it\n"
    #expect(eventually(within: 120) { (try? curl(server, "/healthz") == (503, reason)) == true })
    #expect(try curl(server, "/metrics").body.contains("tantra_up 0"))
    #expect(try fixture.tantra(["metrics"]).status == 1)
    try fixture.mount()
    #expect(eventually { (try? curl(server, "/healthz") == (200, "ok\n")) == true })
    // An answer is told to others for a moment.
    #expect(eventually { (try? curl(server, "/metrics").body.contains("tantra_up 1")) == true })
    // A daemon that hangs: others are told in time, however many ask.
    let pid = try #require(fixture.daemon)
    #expect(kill(pid, SIGSTOP) == 0)
    defer { kill(pid, SIGCONT) }
    #expect(eventually { (try? curl(server, "/healthz").status) == 503 })
    let start = Date()
    for _ in 0..<5 {
      let (status, body) = try curl(server, "/healthz")
      #expect(status == 503 && body.contains("has not answered for"), "\(body)")
    }
    // Two seconds for each of them if each asked for itself.
    #expect(Date().timeIntervalSince(start) < 8)
    #expect(try curl(server, "/metrics").body.contains("tantra_up 0"))
    #expect(kill(pid, SIGCONT) == 0)
    #expect(eventually { (try? curl(server, "/healthz").status) == 200 })
    // It goes, and comes back.
    try fixture.succeed("unmount", fixture.mountpoint)
    #expect(eventually { (try? curl(server, "/healthz").status) == 503 })
    try fixture.mount()
    #expect(eventually { (try? curl(server, "/healthz").status) == 200 })
  }

  @Test func aMountpointMayBeNamed() throws {
    try fixture.mount("--read-only")
    let server = try Server(fixture, [fixture.mountpoint])
    #expect(try curl(server, "/healthz").status == 200)
    #expect(try curl(server, "/metrics").body.contains("tantra_versions 3"))
    let other = try Server(fixture, [fixture.scratch.path])
    #expect(try curl(other, "/healthz") == (503, "no store is mounted at \(fixture.scratch.path)\n"))
  }

  @Test func hostileClientsHurtNobody() throws {
    try fixture.mount()
    let server = try server()
    let output = try Python.oracle("metrics_clients.py", [server.port, String(server.process.number)])
    #expect(output == "scraped, refused and survived\n")
    #expect(server.process.wait(limit: .zero) == nil)
  }

  @Test func ctrlCEndsItInOrder() throws {
    let server = try server()
    server.process.send(SIGINT)
    #expect(server.process.wait(limit: .seconds(10)) == 0)
  }

  @Test func addressesAreChecked() throws {
    let server = try server()
    for (address, status, words) in [
      ("127.0.0.1:\(server.port)", Int32(1), "Address already in use"),
      ("127.0.0.1:x", 64, "127.0.0.1:x"), ("1:2:3:x", 64, "is no address"), ("99999", 64, "99999"),
      ("192.0.2.1:0", 1, "name another address"),
    ] {
      let command = try fixture.tantra(["metrics", "--listen", address])
      #expect(command.status == status && command.errorText.contains(words), "\(address) \(command.errorText)")
    }
    let both = try fixture.tantra(["metrics", "--listen", "0", "--json"])
    #expect(both.status == 64 && both.errorText.contains("exclude each other"), "\(both.errorText)")
  }
}
