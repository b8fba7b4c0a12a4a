import Glibc

/// What `fstat(2)` reports, as far as Tantra needs it.
package struct FileStatus: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case regular, directory, symbolicLink, other
  }

  package var kind: Kind
  /// Permission bits, 0o777 of the mode.
  package var permissions: UInt32
  /// Bytes.
  package var size: Int
  /// Nanoseconds since 1970, as ``UnixTime`` has them.
  package var modified: Int64
  /// ctime, in nanoseconds since 1970.
  package var changed: Int64
  /// Bytes that the file takes on disk.
  package var allocated: Int
  /// Number of the inode; its file system may give it to another file once this one is gone.
  package var inode: UInt64

  init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: .symbolicLink
      default: .other
      }
    permissions = status.st_mode & 0o777
    size = Int(status.st_size)
    modified = UnixTime.nanoseconds(seconds: status.st_mtim.tv_sec, rest: status.st_mtim.tv_nsec)
    changed = UnixTime.nanoseconds(seconds: status.st_ctim.tv_sec, rest: status.st_ctim.tv_nsec)
    let (bytes, isTooLarge) = Int(status.st_blocks).multipliedReportingOverflow(by: 512)
    allocated = isTooLarge ? .max : bytes
    inode = UInt64(status.st_ino)
  }
}
