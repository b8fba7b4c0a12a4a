import Foundation
import TestSupport
import Testing

@Suite struct DoctorTests {
  private struct Report: Decodable {
    struct Check: Decodable {
      var name: String
      var outcome: String
      var found: String
      var fix: String?
    }
    var checks: [Check]
    var outcome: String
  }

  private let fixture: TantraFixture
  /// Mounts of other tests, some of them dead on purpose, are none of ours.
  private let noMounts: [String]

  init() throws {
    fixture = try TantraFixture()
    noMounts = ["--mountinfo", try fixture.scratch.write("mountinfo", [])]
  }

  /// A text without its figures: between two looks, other programs take space.
  private func words(_ text: String) -> String { text.filter { !$0.isNumber } }

  /// Runs the doctor, and checks that its exit code and its two ways of writing agree.
  private func examine(_ options: [String], prefix: [String] = []) throws -> Report {
    let arguments = prefix + [TantraFixture.executable, "doctor"] + options
    func run(_ more: [String]) throws -> Command {
      try Command.run(
        arguments[0], Array(arguments.dropFirst()) + more, environment: ["TANTRA_STORE": fixture.storePath])
    }
    let json = try run(["--json"])
    let report = try JSONDecoder().decode(Report.self, from: json.output)
    let text = try run([])
    #expect(json.status == text.status)
    #expect(json.status == (report.outcome == "fail" ? 1 : 0), "\(json.outputText)")
    #expect((report.outcome == "fail") == report.checks.contains { $0.outcome == "fail" })
    for check in report.checks {
      #expect(words(text.outputText).contains(words(check.found)), "\(text.outputText)")
      #expect((check.fix == nil) == (check.outcome == "ok"), "\(check)")
      if let fix = check.fix { #expect(text.outputText.contains("fix: " + fix), "\(text.outputText)") }
    }
    return report
  }

  /// The only check of that name has this outcome, and says what is wrong and what to do.
  private func expect(
    _ name: String, _ outcome: String, found: String, fix: String? = nil, in report: Report,
    at location: SourceLocation = #_sourceLocation
  ) {
    let checks = report.checks.filter { $0.name == name }
    #expect(checks.count == 1 && checks.first?.outcome == outcome, "\(report)", sourceLocation: location)
    #expect(checks.first?.found.contains(found) == true, "\(checks)", sourceLocation: location)
    if let fix { #expect(checks.first?.fix?.contains(fix) == true, "\(checks)", sourceLocation: location) }
  }

  @Test(canMount) func aMachineThatPassesTheOtherTestsHasNoFailure() throws {
    let report = try examine(noMounts)
    #expect(report.outcome != "fail", "\(report)")
    expect("store", "ok", found: "3 models with 3 versions", in: report)
    expect("mounts", "ok", found: "none", in: report)
    #expect(Set(report.checks.map(\.name)).count == 13)
  }

  @Test func aMissingStoreIsFound() throws {
    let report = try examine(noMounts + ["--store", fixture.scratch("typo")])
    expect("store", "fail", found: "no weight store at \(fixture.scratch("typo"))", fix: "--store DIR", in: report)
    #expect(!FileManager.default.fileExists(atPath: fixture.scratch("typo")))
  }

  @Test func aStoreOfTheFutureIsFound() throws {
    let path = "store/weight_config.json"
    let text = String(decoding: try fixture.scratch.read(path), as: UTF8.self)
    let changed = text.replacing(/"format" : [0-9]+/, with: "\"format\" : 99")
    #expect(changed != text)
    try fixture.scratch.write(path, Array(changed.utf8))
    expect("store", "fail", found: "format 99", fix: "newer Tantra", in: try examine(noMounts))
  }

  @Test func aDamagedRecordIsFound() throws {
    try fixture.scratch.write("store/models/mamba/v1.0.json", Array("{".utf8))
    expect(
      "store", "fail", found: "the manifest of mamba/v1.0 is damaged", fix: "backup or from git",
      in: try examine(noMounts))
  }

  @Test(canMount) func aDeadMountIsFoundAndItsFixMendsIt() throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    #expect(kill(pid, SIGKILL) == 0)
    #expect(eventually { kill(pid, 0) != 0 })
    let all = try #require(FileManager.default.contents(atPath: "/proc/self/mountinfo"))
    let own = String(decoding: all, as: UTF8.self).split(separator: "\n").filter { $0.contains(fixture.mountpoint) }
    let table = try fixture.scratch.write("own-mount", Array(own.joined(separator: "\n").utf8))
    let fix = "tantra unmount \(fixture.mountpoint)"
    let report = try examine(["--mountinfo", table])
    expect("mount", "fail", found: "\(fixture.mountpoint) is dead", fix: fix, in: report)
    expect("store lock", "warn", found: "process \(pid)", fix: fix, in: report)
    try fixture.succeed("unmount", fixture.mountpoint)
    expect("store lock", "ok", found: "nothing to clear", in: try examine(noMounts))
  }

  @Test(canMount) func aMountThatHangsIsFound() throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    #expect(kill(pid, SIGSTOP) == 0)
    defer { kill(pid, SIGCONT) }
    let all = try #require(FileManager.default.contents(atPath: "/proc/self/mountinfo"))
    let own = String(decoding: all, as: UTF8.self).split(separator: "\n").filter { $0.contains(fixture.mountpoint) }
    let table = try fixture.scratch.write("own-mount", Array(own.joined(separator: "\n").utf8))
    let report = try examine(["--mountinfo", table])
    expect("mount", "fail", found: "does not answer", fix: "unmount --lazy \(fixture.mountpoint)", in: report)
    expect("store lock", "fail", found: "process \(pid)", fix: "kill -CONT \(pid)", in: report)
  }

  @Test(canMount) func whoUsesTheStoreIsNamed() throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    let report = try examine(noMounts)
    expect("store lock", "ok", found: "in use by process \(pid)", in: report)
    #expect(report.outcome != "fail")
  }

  @Test func aLockFileThatNamesADeadProcessIsExplained() throws {
    try FileManager.default.createDirectory(atPath: fixture.storePath + "/.staging", withIntermediateDirectories: true)
    // Greater than any pid.
    try fixture.scratch.write("store/.staging/lock", Array("pid 5000000\nuid 0\n".utf8))
    expect("store lock", "ok", found: "process 5000000, which used it last, has ended", in: try examine(noMounts))
    // And it is in nobody's way.
    try fixture.succeed("set-active", "mamba", "v1.0")
  }

  @Test func aReadOnlyFileSystemIsFound() throws {
    try #require(getuid() == 0, "only root can mount")
    let store = fixture.storePath
    let script = "mount --bind '\(store)' '\(store)' && mount -o remount,bind,ro '\(store)'"
    try #require(try Command.run("bash", ["-c", script]).status == 0)
    defer { #expect(throws: Never.self) { try Command.run("umount", [store]) } }
    let report = try examine(noMounts)
    expect("store access", "warn", found: "read-only file system", fix: "mount --read-only", in: report)
    #expect(report.outcome == "warn")
  }

  @Test func aFullDiskIsFound() throws {
    try #require(getuid() == 0, "only root can mount")
    let store = fixture.scratch("small")
    try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: false)
    try #require(try Command.run("mount", ["-t", "tmpfs", "-o", "size=16m", "none", store]).status == 0)
    defer { #expect(throws: Never.self) { try Command.run("umount", [store]) } }
    try #require(try Command.run("cp", ["-r", fixture.storePath + "/.", store]).status == 0)
    expect(
      "free space", "warn", found: "of 16.0 MiB are free", fix: "larger disk",
      in: try examine(noMounts + ["--store", store]))
    _ = try Command.run("dd", ["if=/dev/zero", "of=\(store)/fill", "bs=64k"])
    expect("free space", "fail", found: "of 16.0 MiB", fix: "remove", in: try examine(noMounts + ["--store", store]))
  }

  @Test func whatAnOrdinaryUserLacksIsFound() throws {
    try #require(getuid() == 0, "only root can become an ordinary user")
    let copy = fixture.scratch("tantra")
    let script = """
      cp '\(TantraFixture.executable)' '\(copy)' && chmod 755 '\(copy)' '\(fixture.scratch.path)'
      mkdir '\(fixture.scratch("bin"))' && cp /bin/true '\(fixture.scratch("bin/fusermount3"))'
      """
    try #require(try Command.run("bash", ["-c", script]).status == 0)
    let conf = try fixture.scratch.write("fuse.conf", Array("# user_allow_other\n".utf8))
    func examine(_ folders: String) throws -> Report {
      let user = ["--reuid=65534", "--regid=65534", "--clear-groups", copy, "doctor", "--json", "--fuse-conf", conf]
      let options = ["--fusermount-path", folders, "--store", fixture.storePath]
      return try JSONDecoder().decode(
        Report.self, from: try Command.run("setpriv", user + options + noMounts).output)
    }
    let report = try examine("/nonexistent")
    expect("fusermount3", "fail", found: "missing", fix: "install the package fuse3", in: report)
    expect("other users", "warn", found: "--allow-other will be refused", fix: "echo user_allow_other", in: report)
    expect("passthrough", "warn", found: "CAP_SYS_ADMIN", fix: "as root", in: report)
    expect("store access", "warn", found: "not writable for user 65534", fix: "chown -R 65534", in: report)
    expect(
      "fusermount3", "fail", found: "no set-uid bit", fix: "chmod u+s \(fixture.scratch("bin/fusermount3"))",
      in: try examine(fixture.scratch("bin")))
  }

  @Test func whatTheSystemLacksIsFound() throws {
    for folder in ["proc/self", "proc/sys/fs", "proc/sys/kernel"] {
      try FileManager.default.createDirectory(atPath: fixture.scratch(folder), withIntermediateDirectories: true)
    }
    try fixture.scratch.write("proc/filesystems", Array("nodev\ttmpfs\n\text4\nnodev\tfusectl\n".utf8))
    try fixture.scratch.write("proc/sys/kernel/osrelease", Array("5.15.0-generic\n".utf8))
    try fixture.scratch.write("proc/sys/fs/pipe-max-size", Array("65536\n".utf8))
    try fixture.scratch.write(
      "proc/self/limits", Array("Limit  Soft\nMax open files            256      4096      files\n".utf8))
    let report = try examine(noMounts + ["--proc", fixture.scratch("proc"), "--fuse-device", fixture.scratch("none")])
    expect("fuse device", "fail", found: "No such file", fix: "modprobe fuse", in: report)
    expect("kernel support", "fail", found: "does not list fuse", fix: "modprobe fuse", in: report)
    expect("passthrough", "warn", found: "kernel 5.15", fix: "6.9", in: report)
    expect("open files", "warn", found: "at most 256", fix: "ulimit -n", in: report)
    expect("pipe size", "warn", found: "64.0 KiB", fix: "pipe-max-size=1048576", in: report)
    // An administrator with a new enough kernel.
    try fixture.scratch.write("proc/sys/kernel/osrelease", Array("6.10.1\n".utf8))
    try fixture.scratch.write("proc/self/status", Array("CapEff:\t0000000000200000\n".utf8))
    let proc = ["--proc", fixture.scratch("proc")]
    expect("passthrough", "ok", found: "kernel 6.10", in: try examine(noMounts + proc))
    try fixture.scratch.write("proc/self/status", Array("CapEff:\t00000000a80425fb\n".utf8))
    expect("passthrough", "warn", found: "CAP_SYS_ADMIN", in: try examine(noMounts + proc))
  }
}
