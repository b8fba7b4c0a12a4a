import CFuse
import Glibc
import PosixIO
import StoreRecords
import WeightsFS

/// The user and group that all files of a mount belong to.
struct Owner: Sendable {
  var uid: uid_t
  var gid: gid_t

  /// Whoever runs this process, which is whoever mounted.
  static var current: Owner { Owner(uid: geteuid(), gid: getegid()) }
}

/// What the kernel is told of a file, and what it tells of one.
enum KernelAttributes {
  /// Seconds for which the kernel may keep attributes and names: every change passes through this process.
  static let cacheableTimeout = 3600.0

  static func timeout(of attributes: FileAttributes) -> Double { attributes.isCacheable ? cacheableTimeout : 0 }

  /// The `struct stat` of a file; `st_blocks` covers the size, as cp takes a file with fewer for sparse.
  static func status(of attributes: FileAttributes, owner: Owner) -> stat {
    var status = stat()
    let size = max(0, attributes.size)
    status.st_ino = UInt(attributes.inode.rawValue)
    status.st_mode = mode(of: attributes.kind) | (attributes.permissions & 0o7777)
    status.st_nlink = nlink_t(attributes.linkCount)
    status.st_uid = owner.uid
    status.st_gid = owner.gid
    status.st_size = size
    status.st_blksize = 4096
    status.st_blocks = size / 512 + (size % 512 == 0 ? 0 : 1)
    status.st_mtim = time(attributes.modified)
    status.st_ctim = time(attributes.changed ?? attributes.modified)
    status.st_atim = time(attributes.accessed ?? attributes.modified)
    return status
  }

  /// - Parameter nanoseconds: since 1970.
  private static func time(_ nanoseconds: Int64) -> timespec {
    let (seconds, rest) = UnixTime.parts(of: nanoseconds)
    return timespec(tv_sec: seconds, tv_nsec: rest)
  }

  static func entry(for attributes: FileAttributes, owner: Owner) -> fuse_entry_param {
    var entry = fuse_entry_param()
    entry.ino = attributes.inode.rawValue
    entry.attr = status(of: attributes, owner: owner)
    entry.attr_timeout = timeout(of: attributes)
    entry.entry_timeout = timeout(of: attributes)
    return entry
  }

  /// Seconds for which a new hard link shows the number of what it was made from.
  static let linkTimeout = 10.0

  /// Lets a new file show the number of another for a moment.
  ///
  /// A hard link is a copy here, with an inode of its own. Whoever makes one may look at once whether it has the number of what
  /// it was made from, as git does when it clones a repository, and gives up if it has not.
  static func pretend(_ entry: inout fuse_entry_param, isLinkOf linked: InodeNumber) {
    entry.attr.st_ino = UInt(linked.rawValue)
    entry.attr_timeout = min(entry.attr_timeout, linkTimeout)
  }

  static func mode(of kind: FileKind) -> mode_t {
    switch kind {
    case .directory: cfuse_mode_directory
    case .regular: cfuse_mode_regular
    case .symbolicLink: cfuse_mode_symbolic_link
    }
  }

  /// A mode without the kind of the file. The bits above the permissions do nothing in a mount, which is `nosuid`.
  static func permissions(_ mode: mode_t) -> UInt32 { mode & FileProperties.permissionMask }

  /// Nanoseconds since 1970, or nil where they do not fit.
  static func nanoseconds(_ time: timespec) -> Int64? {
    let (scaled, scaleOverflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, sumOverflow) = scaled.addingReportingOverflow(Int64(time.tv_nsec))
    return scaleOverflow || sumOverflow ? nil : sum
  }
}
