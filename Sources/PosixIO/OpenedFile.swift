import CPosix
import Glibc
package import SystemPackage

/// An open regular file, shared by reference and closed with the last one. All reads and writes name their offset.
package final class OpenedFile: Sendable {
  /// The descriptor; valid while this object lives.
  package let descriptor: FileDescriptor
  /// Where it was opened, for messages.
  package let path: String

  init(descriptor: FileDescriptor, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  /// Opens an existing file for reading, following symbolic links; refuses what is not a regular file (`EISDIR`, `EINVAL`).
  package static func open(_ path: String) throws(PosixError) -> OpenedFile {
    let raw = try systemCall("open", path) { Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    let file = OpenedFile(descriptor: FileDescriptor(rawValue: raw), path: path)
    switch try file.status().kind {
    case .regular: return file
    case .directory: throw PosixError(.isDirectory, call: "open", path: path)
    default: throw PosixError(.invalidArgument, call: "open", path: path)
    }
  }

  deinit { _ = Glibc.close(descriptor.rawValue) }

  package func status() throws(PosixError) -> FileStatus {
    var result = stat()
    try systemCall("fstat", path) { fstat(descriptor.rawValue, &result) }
    return FileStatus(result)
  }

  /// Fills `buffer` from `offset`, or as much of it as the file has; answers the number of bytes read.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(PosixError) -> Int {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = try systemCall("pread", path) {
        pread(descriptor.rawValue, rest.baseAddress, rest.count, off_t(offset + done))
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// Fills all of `buffer` from `offset`.
  ///
  /// - Throws: `EIO` if the file ends before.
  package func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(PosixError) {
    guard try read(at: offset, into: buffer) == buffer.count else {
      throw PosixError(.ioError, call: "pread: the file is too short", path: path)
    }
  }

  /// Writes all of `bytes` at `offset`.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(PosixError) {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      done += try durableCall("pwrite", path) {
        pwrite(descriptor.rawValue, rest.baseAddress, rest.count, off_t(offset + done))
      }
    }
  }

  /// Forces data and size to disk.
  package func synchronize() throws(PosixError) {
    try durableCall("fsync", path) { fsync(descriptor.rawValue) }
  }

  /// Removes write permission for everybody.
  package func makeReadOnly() throws(PosixError) {
    try durableCall("fchmod", path) { fchmod(descriptor.rawValue, 0o444) }
  }

  /// Bytes and files of the file system that holds this file: `fstatvfs(3)`.
  package func volume() throws(PosixError) -> VolumeStatus { try VolumeStatus(of: descriptor, path: path) }
}

/// What `fstatvfs(3)` reports, in bytes.
package struct VolumeStatus: Sendable, Hashable {
  package var capacity: Int
  package var free: Int
  /// Free for ordinary users.
  package var available: Int
  /// Inodes that it can have, and those that are free; 0 if it does not count them.
  package var files: Int
  package var freeFiles: Int
  /// Whether it is stacked on other file systems: overlayfs.
  package var isStacked: Bool

  init(of descriptor: FileDescriptor, path: String) throws(PosixError) {
    var result = statvfs()
    try systemCall("fstatvfs", path) { fstatvfs(descriptor.rawValue, &result) }
    func bytes(_ blocks: fsblkcnt_t) -> Int {
      let (bytes, isTooLarge) = blocks.multipliedReportingOverflow(by: result.f_frsize)
      return isTooLarge ? .max : Int(clamping: bytes)
    }
    capacity = bytes(result.f_blocks)
    free = bytes(result.f_bfree)
    available = bytes(result.f_bavail)
    files = Int(clamping: result.f_files)
    freeFiles = Int(clamping: result.f_favail)
    isStacked = tantra_is_stacked(descriptor.rawValue) != 0
  }
}
