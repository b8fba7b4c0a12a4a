import Foundation
import PosixIO
import TestSupport
import Testing

/// Pushes of a large blob that are cut off, and go on in another process.
@Suite(.serialized, .onWaitingThreads) struct ResumedPushTests {
  let fixture: TantraFixture
  let server: RegistryServer
  /// The server before the registry.
  let port: Int
  /// What `big/v1` was imported from: 100 MiB, which go in parts of 32.
  let source: String

  init() throws {
    fixture = try TantraFixture(shipped: false)
    server = try RegistryServer()
    port = try server.front("registry_front.py", "modes", "slow 25000000")
    source = fixture.scratch("big.safetensors")
    try Python.oracle("big_weights.py", [source, "100"])
    try fixture.succeed("import", source, "--model", "big", "--version", "v1")
  }

  private var remote: String { "127.0.0.1:\(port)/big:v1" }
  private var uploads: String { fixture.scratch("cache/tantra/uploads") }

  private var environment: [String: String] {
    [
      "TANTRA_STORE": fixture.storePath, "XDG_CACHE_HOME": fixture.scratch("cache"),
      "DOCKER_CONFIG": fixture.scratch("docker"), "XDG_RUNTIME_DIR": fixture.scratch("none"),
    ]
  }

  /// Pushes the version, and waits until the server has got so many bytes of it.
  ///
  /// - Returns: the program, and its process.
  private func beginPush(until mebibytes: Int) throws -> (program: ChildProgram, pid: Int32) {
    let words = environment.map { "\($0)=\($1)" } + [TantraFixture.executable, "push", "big/v1", remote]
    let program = try ChildProgram("/bin/sh", ["-c", "echo $$; exec env \"$@\"", "sh"] + words)
    let pid = try #require(try program.readLine().flatMap { Int32($0) })
    #expect(eventually { (try? requests().byteCount) ?? 0 >= mebibytes << 20 || !program.isRunning })
    try #require(program.isRunning, "it ended too early")
    return (program, pid)
  }

  /// Begins a push, and kills it in the middle.
  private func killPush(at mebibytes: Int) throws {
    let (program, pid) = try beginPush(until: mebibytes)
    try #require(kill(pid, SIGKILL) == 0)
    #expect(try program.finish().status == 128 + SIGKILL)
  }

  private struct Report: Decodable { var sentByteCount: Int, resumedByteCount: Int, byteCount: Int }

  /// Pushes the version to its end, and compares what is told with what the server before the registry has seen.
  private func push() throws -> Report {
    let before = try settledByteCount()
    let pushed = try Command.run(
      TantraFixture.executable, ["push", "big/v1", remote, "--json"], environment: environment)
    try #require(pushed.status == 0, "\(pushed.errorText)")
    let report = try JSONDecoder().decode(Report.self, from: pushed.output)
    #expect(report.byteCount > 100 << 20)
    let seen = try requests().byteCount - before
    #expect(seen == report.sentByteCount)
    return report
  }

  /// What went to uploads, once what a killed push had sent has come, too.
  private func settledByteCount() throws -> Int {
    var last = -1
    #expect(
      eventually {
        let count = (try? requests().byteCount) ?? 0
        defer { last = count }
        Thread.sleep(forTimeInterval: 1)
        return count == last
      })
    return last
  }

  /// What went to uploads of the registry so far: bytes, and how often somebody asked how far one has come.
  private func requests() throws -> (byteCount: Int, questionCount: Int) {
    guard FileManager.default.fileExists(atPath: server.scratch("modes.sent")) else { return (0, 0) }
    let lines = String(decoding: try server.scratch.read("modes.sent"), as: UTF8.self).split(separator: "\n")
    let byteCount = lines.reduce(0) { $0 + (Int($1.split(separator: " ").last ?? "") ?? 0) }
    return (byteCount, lines.count { $0.hasPrefix("GET ") })
  }

  /// The files of uploads that did not end.
  private func records() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: uploads).filter { !$0.hasSuffix(".lock") }
  }

  /// Whether the registry has what was imported, and nothing is remembered of its upload.
  private func expectWhole(in store: String = "other") throws {
    #expect(try FileManager.default.contentsOfDirectory(atPath: uploads).isEmpty)
    let out = fixture.scratch(store + "-files")
    for arguments in [
      ["pull", "127.0.0.1:\(server.port)/big:v1"], ["validate", "big", "v1"], ["export", "big", "v1", "--to", out],
    ] {
      let command = try Command.run(
        TantraFixture.executable, arguments + ["--store", fixture.scratch(store)], environment: environment)
      try #require(command.status == 0, "\(arguments): \(command.errorText)")
    }
    let equal = try Command.run("cmp", [source, out + "/big_v1_safetensors.safetensors"])
    #expect(equal.status == 0, "\(equal.outputText)")
  }

  @Test func whoeverWasKilledSendsOnlyTheRest() throws {
    try killPush(at: 70)
    let record = try #require(try records().first)
    let attributes = try FileManager.default.attributesOfItem(atPath: uploads + "/" + record)
    #expect(try records().count == 1 && attributes[.posixPermissions] as? Int == 0o600)
    // Two parts came as a whole, and the third did not reach the registry.
    let report = try push()
    #expect(report.resumedByteCount == 64 << 20 && report.sentByteCount < 37 << 20, "\(report)")
    #expect(try requests().questionCount == 1)
    try expectWhole()
    #expect(try push().sentByteCount == 0)
  }

  @Test func whatCameOfAPartCountsIfTheRegistrySaysSo() throws {
    try server.set("modes", "partly 25000000")
    try killPush(at: 70)
    let report = try push()
    #expect(report.resumedByteCount > 66 << 20 && report.resumedByteCount < 96 << 20, "\(report)")
    #expect(report.sentByteCount + report.resumedByteCount < 101 << 20, "\(report)")
    try expectWhole()
  }

  @Test func whenTheNetworkIsThereAgainItGoesOn() throws {
    let (program, _) = try beginPush(until: 70)
    try server.set("modes", "gone")
    let end = try program.finish()
    #expect(end.status == 74, "\(end)")
    try server.set("modes", "plain")
    let report = try push()
    #expect(report.resumedByteCount >= 64 << 20 && report.sentByteCount < 37 << 20, "\(report)")
    try expectWhole()
  }

  @Test func anUploadThatHasEndedBeginsAnew() throws {
    try killPush(at: 40)
    #expect(try records().count == 1)
    try server.set("modes", "plain")
    // What a registry does with uploads that nobody ends.
    let folder = server.scratch("registry/docker/registry/v2/repositories/big/_uploads")
    #expect(try !FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    try FileManager.default.removeItem(atPath: folder)
    let report = try push()
    #expect(report.resumedByteCount == 0 && report.sentByteCount >= 100 << 20, "\(report)")
    #expect(try requests().questionCount == 1)
    try expectWhole()
  }

  @Test func whatIsRememberedWronglyMakesNoWrongBlob() throws {
    try killPush(at: 40)
    try server.set("modes", "plain")
    let path = uploads + "/" + (try #require(try records().first))
    // It leads to an upload that has other bytes.
    let other = try Python.run(
      """
      import sys, urllib.request
      def ask(method, address, body):
          request = urllib.request.Request(address, body, {"Content-Type": "application/octet-stream"}, method=method)
          return urllib.request.urlopen(request).headers["Location"]
      print(ask("PATCH", ask("POST", sys.argv[1], b""), bytes(40 << 20)))
      """, ["http://127.0.0.1:\(port)/v2/big/blobs/uploads/"])
    try #require(other.status == 0, "\(other.errorText)")
    var record = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
    var place = try #require(record["place"] as? [String: Any])
    place["address"] = other.outputText.trimmingCharacters(in: .whitespacesAndNewlines)
    record["place"] = place
    // In its place, so that it stays readable for its user alone.
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.truncate(atOffset: 0)
    try file.write(contentsOf: JSONSerialization.data(withJSONObject: record))
    try file.close()
    let begin = try requests().byteCount
    let pushed = try Command.run(
      TantraFixture.executable, ["push", "big/v1", remote, "--json"], environment: environment)
    try #require(pushed.status == 0, "\(pushed.errorText)")
    let report = try JSONDecoder().decode(Report.self, from: pushed.output)
    #expect(report.resumedByteCount == 0)
    // The registry has refused the first 60 MiB, which went after the others.
    let sent = try requests().byteCount - begin
    #expect(sent >= 160 << 20 && sent < 161 << 20, "\(sent)")
    try expectWhole()
  }
}
