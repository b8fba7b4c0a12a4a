import Foundation
import FuseServer
import Glibc
import TestSupport
import Testing

/// Starting the daemon in the background, through the fixture program.
@Suite(.enabled(if: MountSupport.isAvailable, MountSupport.comment))
struct BackgroundTests {
  private func start(_ folder: TemporaryFolder, mountpoint: String? = nil, _ options: [String] = []) throws -> Command {
    try MountedFixture.prepare(folder)
    return try Command.run(
      try MountedFixture.program,
      [mountpoint ?? folder("mnt"), folder("backing"), "--background", folder("log")] + options)
  }

  @Test func theMountIsLiveWhenTheStarterReturns() throws {
    let folder = try TemporaryFolder()
    let started = try start(folder)
    #expect(started.status == 0, "\(started.errorText)")
    let pid = try #require(started.outputText.split(separator: " ").last.flatMap { pid_t($0.dropLast()) })
    defer { kill(pid, SIGKILL) }
    #expect(try Command.run("cat", [folder("mnt/hello.txt")]).outputText == "hello\n")
    #expect(getsid(pid) == pid)
    #expect(try Command.run("readlink", ["/proc/\(pid)/fd/0"]).outputText == "/dev/null\n")
    #expect(try Command.run("readlink", ["/proc/\(pid)/fd/1"]).outputText == folder("log\n"))
    kill(pid, SIGTERM)
    #expect(try eventually { try MountTable.current().top(at: folder("mnt")) == nil })
    #expect(eventually { kill(pid, 0) != 0 })
    #expect(try String(contentsOfFile: folder("log"), encoding: .utf8).contains("ended by signal(15)"))
  }

  @Test func aFailureComesBackWithStatusAndReason() throws {
    let folder = try TemporaryFolder()
    let started = try start(folder, mountpoint: folder("backing"))
    #expect(started.status == 75)
    #expect(started.errorText.contains("is not a directory"))
  }

  @Test func aDaemonThatDiesSilentlyIsAFailure() throws {
    let started = try start(try TemporaryFolder(), ["--die-before-ready"])
    #expect(started.status == 9)
    #expect(started.errorText.contains("ended with status 9"))
  }

  @Test func onlyAPipeIsTakenForReadiness() throws {
    let folder = try TemporaryFolder()
    let descriptor = open(folder("file"), O_CREAT | O_RDWR, 0o644)
    defer { close(descriptor) }
    if Readiness(descriptor: descriptor) != nil { Issue.record("a file was taken") }
    if Readiness(descriptor: 987) != nil { Issue.record("a closed descriptor was taken") }
    if Readiness(descriptor: 1) != nil { Issue.record("standard output was taken") }
  }
}
