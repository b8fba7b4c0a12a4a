import Foundation
import FuseServer
import Glibc
import Logging
import TestSupport
import Testing

struct MountpointTests {
  private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  @Test func aMissingFolderIsMade() throws {
    let folder = try TemporaryFolder()
    let path = try Mountpoint.prepare(folder("a/b/c"), logger: logger)
    #expect(path == folder("a/b/c"))
    #expect(access(path, R_OK) == 0)
  }

  @Test func aFolderWithFilesIsRefused() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: URL(fileURLWithPath: folder("file")))
    #expect(throws: MountError.notEmpty(folder.path)) { try Mountpoint.prepare(folder.path, logger: logger) }
    #expect(throws: MountError.notADirectory(folder("file"))) { try Mountpoint.prepare(folder("file"), logger: logger) }
    #expect(throws: MountError.notADirectory(folder("file"))) {
      try Mountpoint.prepare(folder("file/x"), logger: logger)
    }
  }

  @Test func aFolderThatCannotBeMadeIsRefused() throws {
    #expect(throws: MountError.self) { try Mountpoint.prepare("/proc/nothing/here", logger: logger) }
    #expect(throws: MountError.self) { try Mountpoint.prepare("", logger: logger) }
  }

  @Test func aLinkLeadsToItsFolder() throws {
    let folder = try TemporaryFolder()
    try #require(mkdir(folder("real"), 0o755) == 0 && symlink("real", folder("link")) == 0)
    #expect(try Mountpoint.prepare(folder("link"), logger: logger) == folder("real"))
    #expect(try Mountpoint.prepare(folder("real/../real/./"), logger: logger) == folder("real"))
  }

  @Test(.enabled(if: MountSupport.isAvailable, MountSupport.comment))
  func aLiveMountIsRefused() throws {
    let mount = try MountedFixture()
    #expect(throws: MountError.alreadyMounted(mount.mountpoint, ownerUID: 0)) {
      try Mountpoint.prepare(mount.mountpoint, logger: logger)
    }
    try #require(symlink(mount.mountpoint, mount.folder("link")) == 0)
    #expect(throws: MountError.alreadyMounted(mount.mountpoint, ownerUID: 0)) {
      try Mountpoint.prepare(mount.folder("link"), logger: logger)
    }
  }

  @Test func userAllowOtherHasToBeALineOfItsOwn() throws {
    let folder = try TemporaryFolder()
    for (text, allowed) in [
      ("user_allow_other\n", true), ("# user_allow_other\n", false),
      ("mount_max = 5\n  user_allow_other # yes\n", true),
      ("", false), ("no_user_allow_other\n", false),
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder("fuse.conf")))
      #expect(MountRequirements.userMayAllowOthers(configuration: folder("fuse.conf")) == allowed, "\(text)")
    }
    #expect(!MountRequirements.userMayAllowOthers(configuration: folder("none")))
  }
}
