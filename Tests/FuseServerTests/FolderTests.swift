import TestSupport
import Testing

/// Folders and links through a real mount.
@Suite(.enabled(if: MountSupport.isAvailable, MountSupport.comment))
struct FolderTests {
  @Test func aFolderOfTenThousandIsListedWhole() throws {
    let mount = try MountedFixture()
    let expected = (0..<10_000).map { index in
      let digits = String(index)
      return "f" + String(repeating: "0", count: 5 - digits.count) + digits + ".txt"
    }
    #expect(try mount.shell("ls -U many").outputText.split(separator: "\n").sorted() == expected.map { $0[...] })
    let long = try mount.shell("ls -l many").outputText.split(separator: "\n")
    #expect(long.count == 10_001)
    #expect(long.dropFirst().allSatisfy { $0.hasPrefix("-rw-r--r-- 1 root root 10 ") })
    #expect(try mount.shell("find many -type f -name 'f*.txt' -size -2 | wc -l").outputText == "10000\n")
    #expect(try mount.shell("ls -a many | head -2").outputText == ".\n..\n")
  }

  @Test func aLinkThatSwitchesIsSeenAtOnce() throws {
    let mount = try MountedFixture()
    let result = try mount.shell(
      """
      for turn in $(seq 50); do
        for version in v2 v1; do
          echo $version > control/active || exit 1
          [ "$(readlink active)" = $version ] && [ "$(cat active/name.txt)" = $version ] || exit 2
        done
      done
      """)
    #expect(result.status == 0, "\(result.errorText)")
  }

  @Test func namesThatNoFolderMayHaveAreLeftOut() throws {
    let mount = try MountedFixture()
    #expect(try mount.shell("ls -U hostile").outputText == "good\n")
    #expect(try mount.shell("ls -lU hostile").outputText.contains("good"))
  }

  @Test(arguments: ["9999", "512", "-5", "0", "2147483647"])
  func anErrorThatTheKernelWouldNotTakeIsEIO(code: String) throws {
    let mount = try MountedFixture()
    #expect(try mount.shell("timeout 5 cat ./hostile/\(code)").errorText.contains("Input/output error"))
  }

  @Test func aNameThatIsNotUTF8DoesNotExist() throws {
    let mount = try MountedFixture()
    #expect(try mount.shell("cat $'\\xff\\xfe'").errorText.contains("No such file or directory"))
  }

  @Test func theTreeCannotBeChanged() throws {
    let mount = try MountedFixture()
    for command in [
      "mkdir new", "touch new", "ln -s x new", "ln hello.txt new", "rm -f hello.txt", "rmdir v1",
      "mv hello.txt new",
    ] {
      let result = try mount.shell(command)
      #expect(
        result.status != 0 && result.errorText.contains("Read-only file system"), "\(command): \(result.errorText)")
    }
    #expect(try mount.shell("mknod new p").errorText.contains("Operation not permitted"))
    #expect(try mount.shell("echo x > hello.txt").errorText.contains("Operation not permitted"))
  }

  @Test func lookupsAndHandlesAreAllGivenBack() throws {
    let mount = try MountedFixture()
    let result = try mount.shell(
      "ls -l many > /dev/null; find . > /dev/null; cat stitched.bin hello.txt active/name.txt > /dev/null; cat damaged.bin"
    )
    #expect(result.errorText.contains("Input/output error"))
    _ = try Command.run("bash", ["-c", "sync; echo 2 > /proc/sys/vm/drop_caches; echo 2 > /proc/sys/vm/drop_caches"])
    #expect(try mount.counters(settledAs: "lookups 0 handles 0\n") == "lookups 0 handles 0\n")
  }
}
