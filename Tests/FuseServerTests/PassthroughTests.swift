import Foundation
import TestSupport
import Testing

/// Files that the kernel reads itself.
@Suite(.enabled(if: MountSupport.passesThrough, "the kernel reads files itself since Linux 6.9, for root"))
struct PassthroughTests {
  /// How many reads the daemon has answered.
  private func reads(_ mount: MountedFixture) throws -> String { try mount.shell("cat control/reads").outputText }

  @Test func aWholeFileIsReadAndMappedWithoutAskingTheDaemon() throws {
    let mount = try MountedFixture()
    let script = """
      import mmap, os, sys
      expected = open(sys.argv[2], 'rb').read()
      with open(sys.argv[1], 'rb') as file:
          assert file.read() == expected
          with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapping:
              # The mapping holds the file after its descriptor is closed.
              file.close()
              assert mapping[:] == expected
      """
    for _ in 1...2 {
      let python = try Command.run("python3", ["-c", script, mount("whole.bin"), mount.folder("backing")])
      #expect(python.status == 0, "\(python.errorText)")
    }
    #expect(try reads(mount) == "0\n")
    #expect(try mount.shell("cmp stitched.bin \"$2/expected\"").status == 0)
    #expect(try reads(mount) != "0\n")
  }

  @Test func manyOpensOfAFileShareItsBackingFile() throws {
    let mount = try MountedFixture()
    let result = try mount.shell(
      """
      pids=()
      for n in 1 2 3 4 5 6 7 8; do
        ( for turn in $(seq 40); do cmp whole.bin "$2/backing" || exit 1; done ) & pids+=($!)
      done
      for pid in "${pids[@]}"; do wait $pid || exit 1; done
      """)
    #expect(result.status == 0, "\(result.errorText)")
    #expect(try reads(mount) == "0\n")
    // Of whole.bin and control/reads.
    #expect(try mount.counters(settledAs: "lookups 2 handles 0\n") == "lookups 2 handles 0\n")
  }

  @Test func withoutPassthroughTheDaemonAnswers() throws {
    let mount = try MountedFixture(options: ["--no-passthrough"])
    #expect(try mount.shell("cmp whole.bin \"$2/backing\"").status == 0)
    #expect(try reads(mount) != "0\n")
  }

  @Test func aMountOfAnOrdinaryUserIsServedByItsDaemon() throws {
    let folder = try TemporaryFolder()
    let mount = try MountedFixture(in: folder, asUser: 65534)
    let result = try mount.shell("cmp whole.bin \"$2/backing\"; cat control/reads", asUser: 65534)
    #expect(result.status == 0 && result.outputText != "0\n", "\(result.outputText)\(result.errorText)")
  }

  @Test func aDaemonThatIsKilledWhileFilesAreMappedLeavesNoProcessBehind() throws {
    let mount = try MountedFixture()
    let script = """
      import mmap, sys, time
      file = open(sys.argv[1], 'rb')
      mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
      before = mapping[:]
      print('mapped', flush=True)
      sys.stdin.readline()
      assert mapping[:] == before
      """
    let result = try mount.shell(
      """
      coproc python3 -c "\(script)" whole.bin
      read line <&${COPROC[0]}; test "$line" = mapped
      kill -9 \(mount.pid)
      echo go >&${COPROC[1]}
      wait $COPROC_PID
      """)
    #expect(result.status == 0, "\(result.errorText)")
  }
}
