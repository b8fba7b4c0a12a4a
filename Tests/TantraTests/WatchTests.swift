import Foundation
import PosixIO
import TestSupport
import Testing

/// `tantra watch`, with and without a mount.
@Suite struct WatchTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  private struct Event: Decodable, Equatable {
    var event: String
    var model: String?
    var version: String?
    var number: Int?
    var from: String?
    var link: String?

    /// `activated mamba/v1.1`.
    var short: String {
      "\(event) \(model ?? "all")" + (version.map { "/\($0)" } ?? "") + (number.map { "@\($0)" } ?? "")
    }
  }

  /// Watches while `body` runs, until `count` events have come; the events. The watcher is ended as Ctrl-C does.
  private func watching(_ arguments: [String] = [], count: Int, _ body: () throws -> Void) throws -> [Event] {
    let (out, err) = (fixture.scratch("events"), fixture.scratch("errors"))
    let process = try ChildProcess(
      "/bin/sh",
      [
        "sh", "-c", #"out=$1 err=$2; shift 2; exec "$@" > "$out" 2> "$err""#, "sh", out, err, TantraFixture.executable,
        "watch",
        "--json", "--store", fixture.storePath,
      ] + arguments)
    defer { process.end() }
    func lines(_ path: String) -> [Substring] {
      FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }?.split(separator: "\n")
        ?? []
    }
    #expect(eventually { lines(err).contains { $0.hasPrefix("watching ") } }, "\(lines(err))")
    try body()
    // A mount makes a version's folder before its weights come.
    #expect(
      eventually { lines(out).count { !$0.contains("appeared") } >= count }, "\(lines(out)) \(lines(err))")
    process.send(SIGINT)
    #expect(process.wait(limit: .seconds(10)) == 0)
    return try lines(out).map { try JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
  }

  @Test(canMount, arguments: [false, true])
  func eachChangeIsTold(isMounted: Bool) throws {
    let file = try fixture.scratch.write("b.safetensors", try SmallWeights.example(bias: 2).safetensors())
    if isMounted { try fixture.mount() }
    // A step for each group of events: those that come together may be told in another order.
    let events = try watching(count: 12) {
      for step in [
        ["import", file, "--model", "small", "--version", "v1"], ["tag", "small/v1", "stable"], ["rm", "small/stable"],
        ["backup", "mamba/v1.0"], ["import", file, "--model", "small", "--version", "v2", "--active"],
        ["rm", "small/v1"], ["restore", "small/v1"], ["rm", "small/v1"], ["purge", "small"],
        ["config", "small", "keep", "4"],
      ] {
        let command = try fixture.tantra(step)
        #expect(command.status == 0, "\(step): \(command.errorText)")
        usleep(600_000)
      }
    }
    let told = events.map(\.short).filter { !$0.hasPrefix("appeared") }
    #expect(
      told.sorted()
        == [
          "activated small/v1", "activated small/v2", "configured small", "linked small/v1", "pinned mamba/v1.0@1",
          "published small/v1", "published small/v2", "purged small/v1@1", "removed small/v1@1", "removed small/v1@1",
          "restored small/v1@1", "unlinked small/v1",
        ].sorted(), "\(told)")
    #expect(events.contains { $0.event == "activated" && $0.from == "v1" && $0.version == "v2" })
    #expect(events.contains { $0.event == "linked" && $0.link == "stable" })
  }

  @Test func damageIsTold() throws {
    let blob = try Command.run(
      "sh", ["-c", "find '\(fixture.storePath)/weights' -type f -size +1M | sort | head -1"]
    ).outputText.split(separator: "\n")[0]
    let events = try watching(count: 1) {
      let path = String(blob)
      #expect(chmod(path, 0o644) == 0)
      let handle = try #require(FileHandle(forUpdatingAtPath: path))
      try handle.seek(toOffset: 1_000_000)
      try handle.write(contentsOf: Data([1, 2, 3, 4, 5, 6, 7, 8]))
      try handle.close()
      #expect(try fixture.tantra(["validate"]).status == 1)
    }
    #expect(events.map(\.event) == ["damaged"], "\(events)")
  }

  @Test func oneModelIsWatchedAndACommandRuns() throws {
    let log = fixture.scratch("log")
    let events = try watching(["mamba", "--exec", "echo $TANTRA_EVENT $TANTRA_VERSION >> '\(log)'"], count: 1) {
      try fixture.succeed("tag", "ocr_native/v1.0", "stable")
      try fixture.succeed("tag", "mamba/v1.0", "stable")
    }
    #expect(events.map(\.short) == ["linked mamba/v1.0"])
    #expect(try String(contentsOfFile: log, encoding: .utf8) == "linked v1.0\n")
  }

  @Test func nothingIsDoneWhileNothingHappens() throws {
    let process = try ChildProcess(
      TantraFixture.executable, ["tantra", "watch", "--store", fixture.storePath])
    defer { process.end() }
    sleep(2)
    func ticks() throws -> Int {
      let fields = try String(contentsOfFile: "/proc/\(process.number)/stat", encoding: .utf8).split(separator: " ")
      return (Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0)
    }
    let before = try ticks()
    sleep(5)
    // Hundredths of a second.
    #expect(try ticks() - before <= 5)
  }
}
