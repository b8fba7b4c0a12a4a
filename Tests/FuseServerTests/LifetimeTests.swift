import BlobStore
import Foundation
import FuseServer
import Glibc
import Logging
import MountFixture
import PosixIO
import TestSupport
import Testing

/// How mounts begin and end.
@Suite(.enabled(if: MountSupport.isAvailable, MountSupport.comment))
struct LifetimeTests {
  @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
  func aSignalUnmountsAndEnds(number: CInt) throws {
    let mount = try MountedFixture()
    mount.signal(number)
    let end = try #require(try mount.waitForEnd())
    #expect(end.status == 0)
    #expect(end.text.contains("ended by signal(\(number))"))
    #expect(try MountTable.current().top(at: mount.mountpoint) == nil)
  }

  @Test func anUnmountFromOutsideEndsServing() throws {
    let mount = try MountedFixture()
    #expect(try Command.run("umount", [mount.mountpoint]).status == 0)
    let end = try #require(try mount.waitForEnd())
    #expect(end.status == 0)
    #expect(end.text.contains("ended by unmounted"))
  }

  @Test func filesThatAreOpenAreServedForTheDrainTime() throws {
    let mount = try MountedFixture(options: ["--drain", "3"])
    let descriptor = open(mount("stitched.bin"), O_RDONLY)
    defer { close(descriptor) }
    try #require(descriptor >= 0)
    mount.signal(SIGTERM)
    #expect(try eventually { try MountTable.current().top(at: mount.mountpoint) == nil })
    var byte: UInt8 = 0
    #expect(pread(descriptor, &byte, 1, 3_000_000) == 1)
    #expect(try mount.waitForEnd(.seconds(1)) == nil)
    #expect(try mount.waitForEnd(.seconds(30))?.status == 0)
    #expect(pread(descriptor, &byte, 1, 100_000) == -1)
  }

  @Test func aSecondSignalEndsTheDrain() throws {
    let mount = try MountedFixture(options: ["--drain", "60"])
    let descriptor = open(mount("hello.txt"), O_RDONLY)
    defer { close(descriptor) }
    mount.signal(SIGTERM)
    #expect(try eventually { try MountTable.current().top(at: mount.mountpoint) == nil })
    mount.signal(SIGTERM)
    #expect(try mount.waitForEnd(.seconds(30))?.status == 0)
  }

  @Test func theTypeIsFuseTantra() throws {
    let mount = try MountedFixture(options: ["--read-only", "--allow-other"])
    let entry = try #require(try MountTable.current().top(at: mount.mountpoint))
    #expect(entry.type == "fuse.tantra" && entry.source == "tantra" && entry.ownerUID == 0)
    #expect(entry.isReadOnly && entry.allowsOthers)
    #expect(entry.options.isSuperset(of: ["default_permissions", "max_read=524288"]))
    let readahead = try Command.run("cat", ["/sys/class/bdi/\(entry.device)/read_ahead_kb"]).outputText
    #expect(readahead == "1024\n")
    #expect(MountTable.type == entry.type)
    #expect(try mount.shell("cat hello.txt", asUser: 65534).outputText == "hello\n")
    #expect(try mount.shell("echo v2 > control/active", asUser: 65534).status != 0)
  }

  @Test func withoutAllowOtherNobodyElseLooksIn() throws {
    let mount = try MountedFixture()
    #expect(try mount.shell("cat hello.txt", asUser: 65534).status != 0)
  }

  @Test func whatADeadDaemonLeftIsReplaced() throws {
    let folder = try TemporaryFolder()
    let dead = try MountedFixture(in: folder)
    dead.signal(SIGKILL)
    #expect(try dead.waitForEnd()?.status == 128 + SIGKILL)
    #expect(try MountTable.current().top(at: dead.mountpoint)?.isTantra == true)
    #expect(try MountHealth.probe(dead.mountpoint) == .dead)
    let alive = try MountedFixture(in: folder)
    #expect(try alive.shell("cat hello.txt").outputText == "hello\n")
    #expect(try MountHealth.probe(alive.mountpoint) == .alive)
    #expect(try MountTable.current().entries.filter { $0.mountpoint == alive.mountpoint }.count == 1)
  }

  @Test func aDaemonThatHangsIsUnresponsive() throws {
    let mount = try MountedFixture()
    mount.signal(SIGSTOP)
    var state: CInt = 0
    try #require(waitpid(mount.pid, &state, WUNTRACED) == mount.pid)
    #expect(try MountHealth.probe(mount.mountpoint, limit: .milliseconds(300)) == .unresponsive)
    mount.signal(SIGCONT)
    #expect(try MountHealth.probe(mount.mountpoint) == .alive)
  }

  @Test func anOrdinaryUserMountsThroughFusermount() throws {
    // As udev sets it.
    try #require(chmod("/dev/fuse", 0o666) == 0)
    let mount = try MountedFixture(asUser: 65534)
    let entry = try #require(try MountTable.current().top(at: mount.mountpoint))
    #expect(entry.type == "fuse.tantra" && entry.ownerUID == 65534)
    #expect(try mount.shell("cmp stitched.bin \"$2/expected\"", asUser: 65534).status == 0)
    mount.signal(SIGTERM)
    #expect(try mount.waitForEnd()?.status == 0)
    #expect(try MountTable.current().top(at: mount.mountpoint) == nil)
  }

  @Test func anOrdinaryUserReplacesWhatItsDeadDaemonLeft() throws {
    try #require(chmod("/dev/fuse", 0o666) == 0)
    let folder = try TemporaryFolder()
    let dead = try MountedFixture(in: folder, asUser: 65534)
    dead.signal(SIGKILL)
    #expect(try dead.waitForEnd() != nil)
    let alive = try MountedFixture(in: folder, asUser: 65534)
    #expect(try alive.shell("cat hello.txt", asUser: 65534).outputText == "hello\n")
    #expect(try MountTable.current().entries.filter { $0.mountpoint == alive.mountpoint }.count == 1)
  }

  @Test func allowOtherNeedsPermissionForAnOrdinaryUser() throws {
    try #require(chmod("/dev/fuse", 0o666) == 0)
    if MountRequirements.userMayAllowOthers(configuration: "/etc/fuse.conf") { return }
    #expect { try MountedFixture(options: ["--allow-other"], asUser: 65534) } throws: { error in
      (error as? FixtureFailure)?.text.contains("user_allow_other") == true
    }
  }

  @Test func whoServesCanAskForTheEnd() throws {
    let folder = try TemporaryFolder()
    try MountedFixture.prepare(folder)
    let backing = try LocalBytes(try OpenedFile.open(folder("backing")))
    let fileSystem = MemoryFileSystem(tree: MemoryTree(backing: backing))
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let mount = try FuseMount(fileSystem, at: folder("mnt"), logger: logger)
    #expect(try Command.run("cat", [folder("mnt/hello.txt")]).outputText == "hello\n")
    mount.requestStop()
    #expect(mount.serve() == .requested)
    #expect(try MountTable.current().top(at: folder("mnt")) == nil)
    // One that nobody serves to its end goes with its owner.
    _ = try FuseMount(fileSystem, at: folder("mnt"), logger: logger)
    #expect(try MountTable.current().top(at: folder("mnt")) == nil)
  }

  @Test func anOrdinaryUserUnmountsWithFusermount() throws {
    try #require(chmod("/dev/fuse", 0o666) == 0)
    let mount = try MountedFixture(asUser: 65534)
    let unmount = try Command.run(
      "setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "fusermount3", "-u", mount.mountpoint])
    #expect(unmount.status == 0, "\(unmount.errorText)")
    #expect(try mount.waitForEnd()?.text.contains("ended by unmounted") == true)
  }
}
