import FuseServer
import Glibc
import TestSupport
import Testing

@Suite(.enabled(if: MountSupport.isAvailable, MountSupport.comment))
struct UnmounterTests {
  @Test func aMountInUseIsTakenDownOnlyLazily() throws {
    let mount = try MountedFixture(options: ["--drain", "1"])
    let descriptor = open(mount("hello.txt"), O_RDONLY)
    #expect(throws: UnmountError.busy(mount.mountpoint)) { try Unmounter.unmount(mount.mountpoint) }
    try Unmounter.unmount(mount.mountpoint, lazily: true)
    var byte: UInt8 = 0
    #expect(read(descriptor, &byte, 1) == 1)
    close(descriptor)
    #expect(try mount.waitForEnd()?.text.contains("ended by unmounted") == true)
  }

  @Test func aMountIsFoundThroughALink() throws {
    let mount = try MountedFixture()
    try #require(symlink(mount.mountpoint, mount.folder("link")) == 0)
    try Unmounter.unmount(mount.folder("link"))
    #expect(try mount.waitForEnd()?.status == 0)
  }

  @Test func onlyMountsOfOursAreTakenDown() throws {
    let folder = try TemporaryFolder()
    #expect(throws: UnmountError.notMounted(folder.path)) { try Unmounter.unmount(folder.path) }
    #expect(throws: UnmountError.notTantra("/proc", type: "proc")) { try Unmounter.unmount("/proc") }
  }
}
