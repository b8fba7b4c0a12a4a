import Foundation
import TestSupport
import Testing

@Suite(canMount, .onWaitingThreads) struct MountingTests {
  let fixture: TantraFixture

  init() throws { fixture = try TantraFixture() }

  @Test func aMountHasItsOwnTypeAndUnmountEndsTheDaemon() throws {
    try fixture.mount()
    #expect(fixture.isMounted)
    let pid = try #require(fixture.daemon)
    try fixture.succeed("unmount", fixture.mountpoint)
    #expect(!fixture.isMounted)
    #expect(eventually { kill(pid, 0) != 0 })
    let again = try fixture.tantra(["unmount", fixture.mountpoint])
    #expect(again.status == 1)
    #expect(again.errorText.contains("Nothing is mounted"))
  }

  @Test func aMountpointWithDotsIsTheOneThatStatusKnows() throws {
    try FileManager.default.createDirectory(atPath: fixture.scratch("folder"), withIntermediateDirectories: true)
    try fixture.succeed("mount", fixture.scratch("folder/../weights"))
    #expect(fixture.isMounted)
    #expect(try fixture.succeed("status").contains("at \(fixture.mountpoint) by process"))
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func signalsUnmountAndEndTheDaemon(signal: Int32) throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    #expect(kill(pid, signal) == 0)
    #expect(eventually { !fixture.isMounted && kill(pid, 0) != 0 })
  }

  @Test func theForegroundServesUntilItIsInterrupted() throws {
    let output = try Python.oracle(
      "mount_foreground.py", [TantraFixture.executable, fixture.storePath, fixture.mountpoint])
    #expect(output.contains("\"SIGINT\": 0"))
    #expect(output.contains("\"SIGTERM\": 0"))
    #expect(!fixture.isMounted)
  }

  @Test func whatAKilledDaemonLeavesIsClearedAwayByTheNextMount() throws {
    try fixture.mount()
    let pid = try #require(fixture.daemon)
    #expect(kill(pid, SIGKILL) == 0)
    #expect(eventually { kill(pid, 0) != 0 })
    #expect(try Command.run("ls", [fixture.mountpoint]).errorText.contains("Transport endpoint is not connected"))
    let status = try fixture.succeed("status")
    #expect(status.contains("dead"), "\(status)")
    try fixture.mount()
    #expect(try fixture.text("mamba/active/config.json").contains("MambaForCausalLM"))
  }

  @Test func anOrdinaryUserMountsThroughFusermount() throws {
    try #require(getuid() == 0, "only root can become an ordinary user")
    let user = "--reuid=65534 --regid=65534 --clear-groups"
    let script = """
      set -e
      chown -R 65534:65534 \(fixture.scratch.path); chmod 755 \(fixture.scratch.path)
      run() { setpriv \(user) env TANTRA_STORE=\(fixture.storePath) HOME=/nonexistent "$@"; }
      mkdir -p \(fixture.scratch("bin")); cp \(TantraFixture.executable) \(fixture.scratch("bin/tantra"))
      chmod -R a+rX \(fixture.scratch("bin"))
      run \(fixture.scratch("bin/tantra")) mount \(fixture.mountpoint)
      run cat \(fixture.mountpoint)/mamba/active/config.json | head -c 1
      run stat -c %u \(fixture.mountpoint)/mamba
      run sh -c 'echo mamba/v1.0 > \(fixture.mountpoint)/.control/active'
      cat \(fixture.mountpoint)/mamba/active/config.json && exit 9 || true
      run \(fixture.scratch("bin/tantra")) unmount \(fixture.mountpoint)
      grep -q ' \(fixture.mountpoint) ' /proc/mounts && exit 8 || true
      """
    let command = try Command.run("bash", ["-c", script])
    #expect(command.status == 0, "\(command.outputText)\n\(command.errorText)")
    #expect(command.outputText.contains("{65534\n"), "\(command.outputText)")
  }

  @Test func aMountpointThatCannotServeIsRefusedWithAReason() throws {
    try fixture.scratch.write("file", [1])
    let file = try fixture.tantra(["mount", fixture.scratch("file")])
    #expect(file.status == 1 && file.errorText.contains("not a directory"), "\(file.errorText)")
    let full = try fixture.tantra(["mount", fixture.storePath])
    #expect(full.status == 1 && full.errorText.contains("not empty"), "\(full.errorText)")
    try fixture.mount()
    let twice = try fixture.tantra(["mount", fixture.mountpoint])
    #expect(twice.status != 0)
    #expect(try fixture.text(".control/active").contains("mamba/v1.0"))
  }

  @Test func aStoreThatIsNotThereIsNotMade() throws {
    let command = try Command.run(
      TantraFixture.executable, ["mount", fixture.mountpoint, "--store", fixture.scratch("typo")])
    #expect(command.status == 66)
    #expect(command.errorText.contains("no weight store"))
    #expect(!FileManager.default.fileExists(atPath: fixture.scratch("typo")))
  }

  @Test func aReadOnlyMountRefusesRequestsAndTakesNoLock() throws {
    try fixture.mount("--read-only")
    let write = try Command.run("sh", ["-c", "echo mamba/v1.0 > \(fixture.mountpoint)/.control/active"])
    #expect(write.status != 0 && write.errorText.contains("Read-only file system"), "\(write.errorText)")
    try fixture.succeed("generate", "mamba", "--seed", "3", "--version", "v1.1", "--active")
    // What another process changes is seen soon after.
    #expect(
      eventually {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: fixture.mountpoint + "/mamba/active")) == "v1.1"
      })
    #expect(try fixture.read("mamba/v1.1/model.pt") != fixture.read("mamba/v1.0/model.pt"))
  }

  @Test func manyReadOnlyMountsServeBesideOneWriter() throws {
    try fixture.mount()
    let others = (1...5).map { fixture.scratch("reader\($0)") }
    defer { for other in others { _ = try? fixture.tantra(["unmount", other]) } }
    for other in others { try fixture.succeed("mount", other, "--read-only") }
    let expected = try fixture.read("ocr_native/v1.0/model.pt")
    for other in others {
      let bytes = FileManager.default.contents(atPath: other + "/ocr_native/active/model.pt")
      #expect(bytes.map(Array.init) == expected)
    }
    // All see what the writer changes, and none of them holds it back.
    try fixture.succeed("backup", "mamba", "v1.0")
    try fixture.succeed("config", "mamba", "keep", "4")
    #expect(
      eventually {
        others.allSatisfy { other in
          FileManager.default.contents(atPath: other + "/.control/config")
            .map { String(decoding: $0, as: UTF8.self).contains("mamba keep 4\n") } ?? false
        }
      })
    try fixture.succeed("unmount", fixture.mountpoint)
    #expect(FileManager.default.contents(atPath: others[0] + "/mamba/v1.0/model.bin") != nil)
  }

  @Test func levelsDecideWhatIsLogged() throws {
    try fixture.mount("--log-file", fixture.scratch("quiet"), "--log-level", "error")
    try fixture.succeed("validate", "mamba")
    try fixture.succeed("unmount", fixture.mountpoint)
    #expect(eventually { !fixture.isMounted })
    #expect(try fixture.scratch.read("quiet").isEmpty)
    let refused = try fixture.tantra(["mount", fixture.mountpoint, "--log-level", "loud"])
    #expect(refused.status == 64 && refused.errorText.contains("loud"), "\(refused.errorText)")
  }

  @Test func journaldGetsPriorities() throws {
    // Standard error is the file that JOURNAL_STREAM names, as under systemd.
    let log = fixture.scratch("journal")
    let script = """
      exec 2> '\(log)'
      export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2)
      '\(TantraFixture.executable)' mount --foreground '\(fixture.mountpoint)' &
      daemon=$!
      for i in $(seq 100); do mountpoint -q '\(fixture.mountpoint)' && break; sleep 0.1; done
      echo mamba/v9 > '\(fixture.mountpoint)/.control/active'
      kill $daemon; wait $daemon
      """
    _ = try Command.run("bash", ["-c", script], environment: ["TANTRA_STORE": fixture.storePath])
    let text = String(decoding: try fixture.scratch.read("journal"), as: UTF8.self)
    #expect(text.contains("<6>mounted at \(fixture.mountpoint)\n"), "\(text)")
    #expect(text.contains("mamba has no version \"v9\""), "\(text)")
    let own = text.split(separator: "\n").filter { !$0.hasPrefix("bash:") && !$0.contains("echo: write error") }
    #expect(own.allSatisfy { $0.hasPrefix("<") }, "\(text)")
  }

  @Test func aLogFileOutlivesTheDaemon() throws {
    try fixture.mount("--log-file", fixture.scratch("log"))
    try fixture.succeed("validate", "mamba")
    try fixture.succeed("unmount", fixture.mountpoint)
    #expect(
      eventually {
        let text = FileManager.default.contents(atPath: fixture.scratch("log")).map {
          String(decoding: $0, as: UTF8.self)
        }
        return text?.contains("validate: mamba/v1.0 valid") == true && text?.contains("unmounted") == true
      })
  }
}
