import FuseServer
import PosixIO
import TestSupport
import Testing

/// Writing to control files through a real mount.
@Suite(.enabled(if: MountSupport.isAvailable, MountSupport.comment))
struct ControlFileTests {
  @Test func aRefusedWriteReachesTheShell() throws {
    let mount = try MountedFixture()
    let result = try mount.shell("echo mamba/v1.0 > control/refuse")
    #expect(result.status == 1)
    #expect(result.errorText.contains("Bad message"))
    // The reason goes to the log.
    mount.signal(15)
    #expect(try mount.waitForEnd()?.text.contains("tensor layers.0.weight is damaged") == true)
  }

  @Test func anAcceptedWriteSucceedsHoweverItIsMade() throws {
    let mount = try MountedFixture()
    for (command, version) in [
      ("echo v2 > control/active", "v2"), ("printf v1 >> control/active", "v1"), ("echo v2 | tee control/active", "v2"),
      ("echo v1 | dd of=control/active status=none", "v1"),
    ] {
      #expect(try mount.shell(command).status == 0, "\(command)")
      #expect(try mount.shell("readlink active").outputText == version + "\n", "\(command)")
    }
  }

  @Test func aWriteOfMegabytesArrivesWhole() throws {
    let mount = try MountedFixture()
    let script = "(echo v2; head -c 3000000 /dev/zero | tr '\\0' ' ') | dd of=control/active bs=4M iflag=fullblock"
    let result = try mount.shell(script)
    #expect(result.status == 0 && result.errorText.contains("3000003 bytes"), "\(result.errorText)")
    #expect(try mount.shell("readlink active").outputText == "v2\n")
  }

  @Test func aSignalInterruptsALongWrite() throws {
    let mount = try MountedFixture()
    // Not through Command: what a test's thread starts inherits that signals are blocked.
    let script = "cd \"$1\"; SECONDS=0; timeout 1 dd if=hello.txt of=control/patient status=none; echo $? $SECONDS"
    let result = try ChildProgram.run("/bin/bash", ["-c", script, "bash", mount.mountpoint])
    let words = result.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    #expect(words.first == 124 && words.last.map { $0 < 10 } == true, "\(result.output)")
    mount.signal(15)
    #expect(try mount.waitForEnd()?.text.contains("the work was interrupted") == true)
  }

  @Test func aCountBeyondWhatWasGivenIsAnError() throws {
    let mount = try MountedFixture()
    #expect(try mount.shell("echo x > control/greedy").errorText.contains("Input/output error"))
  }
}
