import Glibc
import PosixIO
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite struct ChildProgramTests {
  private func shell(_ script: String, unless isInterrupted: (() -> Bool)? = nil) throws -> ChildProgram {
    try ChildProgram("/bin/sh", ["-c", script], unless: isInterrupted)
  }

  @Test func linesComeOneByOneAndTheRestAtTheEnd() throws {
    let program = try shell("echo one; echo two >&2; echo; printf three")
    #expect(try program.readLine() == "one")
    #expect(try program.readLine() == "two")
    #expect(try program.readLine()?.isEmpty == true)
    #expect(try program.readLine() == "three")
    #expect(try program.readLine() == nil)
    let other = try shell("echo one; echo two; printf three; exit 3")
    #expect(try other.readLine() == "one")
    let end = try other.finish()
    #expect(end.status == 3 && end.output == "two\nthree")
    #expect(!other.isRunning)
  }

  @Test func ofMuchOutputTheEndIsKept() throws {
    let end = try ChildProgram.run("/bin/sh", ["-c", "seq 100000"])
    #expect(end.status == 0)
    #expect(end.output.utf8.count == 64 << 10 && end.output.hasSuffix("\n99999\n100000\n"))
  }

  @Test func aSignalThatEndsAProgramIsItsStatus() throws {
    #expect(try ChildProgram.run("/bin/sh", ["-c", "kill -9 $$"]).status == 128 + SIGKILL)
  }

  @Test func aProgramThatIsNotThereIsAnError() throws {
    let error = #expect(throws: PosixError.self) { try ChildProgram.run("/nowhere/at/all", []) }
    #expect(error?.errno == .noSuchFileOrDirectory && error?.path == "/nowhere/at/all")
  }

  @Test func programsAreFoundByName() {
    #expect(ChildProgram.find("sh", in: ["/nowhere", "/bin"]) == "/bin/sh")
    #expect(ChildProgram.find("sh", in: ["/nowhere"]) == nil)
    #expect(ChildProgram.find("sh") != nil)
  }

  @Test func nothingIsInheritedButWhatIsNamed() throws {
    let scratch = try TemporaryFolder()
    let open = try (0..<20).map { try Folder.open(scratch.path).makeFile("\($0)", exclusively: true) }
    // Made inheritable, as libraries leave descriptors.
    for file in open { _ = fcntl(file.descriptor.rawValue, F_SETFD, 0) }
    let script = "ls /proc/$$/fd; readlink /proc/$$/fd/0; cat <&3"
    let pipe = try ChildPipe()
    let program = try ChildProgram("/bin/bash", ["-c", script], inherited: pipe.readEnd)
    try pipe.write(Array("handed over".utf8))
    pipe.closeWriteEnd()
    let end = try program.finish()
    // 255 is bash's own.
    let lines = end.output.split(separator: "\n").filter { $0 != "255" }
    #expect(lines == ["0", "1", "2", "3", "/dev/null", "handed over"])
    withExtendedLifetime(open) {}
  }

  @Test func aWaitForOutputIsInterrupted() throws {
    let isInterrupted = Atomic(false)
    let program = try shell("echo ready; exec sleep 100") { isInterrupted.load(ordering: .relaxed) }
    #expect(try program.readLine() == "ready")
    isInterrupted.store(true, ordering: .relaxed)
    for wait in [{ _ = try program.readLine() }, { _ = try program.finish() }] {
      let error = #expect(throws: PosixError.self) { try wait() }
      #expect(error?.errno == .interrupted)
    }
    #expect(program.isRunning)
    program.end()
    #expect(!program.isRunning)
  }

  @Test func aProgramEndsWithItsObject() throws {
    var program: ChildProgram? = try shell("echo $$; exec sleep 100")
    let number = try #require(try program?.readLine().flatMap { pid_t($0) })
    #expect(kill(number, 0) == 0)
    program = nil
    #expect(kill(number, 0) == -1 && errno == ESRCH)
  }
}

@Suite struct ChildProcessTests {
  @Test func anEndIsWaitedForOnce() throws {
    let process = try ChildProcess("/bin/sh", ["sh", "-c", "exit 7"])
    #expect(process.wait() == 7)
    #expect(process.wait() == nil)
    #expect(process.wait(limit: .seconds(5)) == nil)
    #expect(process.end() == nil)
  }

  @Test func aWaitHasALimit() throws {
    let process = try ChildProcess("/bin/sleep", ["sleep", "100"])
    let start = ContinuousClock.now
    #expect(process.wait(limit: .milliseconds(50)) == nil)
    #expect((.milliseconds(50) ..< .seconds(20)).contains(ContinuousClock.now - start))
    #expect(process.end() == 128 + SIGTERM)
  }

  @Test func whoeverEndsByItselfIsNotSignalled() throws {
    let process = try ChildProcess("/bin/sh", ["sh", "-c", "sleep 0.1; exit 5"])
    #expect(process.end(grace: .seconds(20)) == 5)
  }

  @Test func whoeverIgnoresTERMIsKilled() throws {
    let pipe = try ChildPipe()
    let process = try ChildProcess(
      "/bin/sh", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"], output: pipe.writeEnd)
    pipe.closeWriteEnd()
    #expect(try pipe.read() == Array("ready\n".utf8))
    #expect(process.end(patience: .milliseconds(200)) == 128 + SIGKILL)
  }

  @Test func aNewSessionIsItsOwnLeader() throws {
    let process = try ChildProcess("/bin/sleep", ["sleep", "100"], newSession: true)
    defer { process.end() }
    #expect(getsid(process.number) == process.number)
    let other = try ChildProcess("/bin/sleep", ["sleep", "100"])
    defer { other.end() }
    #expect(getsid(other.number) == getsid(0))
  }
}
