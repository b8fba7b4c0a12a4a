/// A tree that a kernel can be served from, with no FUSE in it. Called on many threads at once; every call is synchronous.
///
/// Inodes are named by number. `lookup` raises an inode's lookup count by one, `forget` lowers it; an inode stays valid
/// while its count is above zero or a handle on it is open. The root is ``InodeNumber/root`` and is never forgotten.
package protocol FileSystem: AnyObject, Sendable {
  /// Finds `name` in the folder `parent` and counts the lookup.
  func lookup(_ name: String, in parent: InodeNumber) throws(FileSystemError) -> DirectoryItem

  /// Takes back `count` lookups.
  func forget(_ inode: InodeNumber, count: UInt64)

  func attributes(of inode: InodeNumber) throws(FileSystemError) -> FileAttributes

  /// Sets what can be set: truncation of a control file's request, times; mode and owner are accepted and ignored.
  func setAttributes(of inode: InodeNumber, _ change: AttributeChange) throws(FileSystemError) -> FileAttributes

  /// The target of a symbolic link.
  func readLink(_ inode: InodeNumber) throws(FileSystemError) -> String

  func open(_ inode: InodeNumber, _ access: OpenAccess) throws(FileSystemError) -> OpenFile

  /// The pieces that make up `count` bytes from `offset`; fewer bytes at the end of the file, none after it.
  ///
  /// Descriptors in the answer stay open until the handle is released.
  func read(_ handle: HandleNumber, offset: Int, count: Int) throws(FileSystemError) -> [ReadPiece]

  /// Writes to a handle and returns how many bytes were taken.
  ///
  /// - Parameter isInterrupted: whether the caller has been sent a signal meanwhile; long work asks it and ends with
  ///   `EINTR`. Valid until this returns.
  func write(
    _ handle: HandleNumber, offset: Int, bytes: UnsafeRawBufferPointer, caller: Caller,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Int

  /// One close(2) of the file, if it was opened for writing; its error is what close reports.
  func flush(_ handle: HandleNumber) throws(FileSystemError)

  /// The last reference to the handle is gone.
  func release(_ handle: HandleNumber)

  /// A stable listing of a folder, `.` and `..` not included.
  func openDirectory(_ inode: InodeNumber) throws(FileSystemError) -> HandleNumber

  /// Entries of an open folder from position `start` (0 is the first), as many as the file system likes to give at once;
  /// empty at the end. Does not count lookups.
  func readDirectory(_ handle: HandleNumber, from start: Int) throws(FileSystemError) -> ArraySlice<DirectoryEntry>

  func releaseDirectory(_ handle: HandleNumber)

  func volumeStatistics() throws(FileSystemError) -> VolumeStatistics
}

/// The number of an inode; what `stat` reports as `st_ino`.
package struct InodeNumber: RawRepresentable, Hashable, Sendable {
  package var rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }
  package static let root = InodeNumber(rawValue: 1)
}

/// The number of an open file or folder.
package struct HandleNumber: RawRepresentable, Hashable, Sendable {
  package var rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }
}

package enum FileKind: Sendable, Hashable {
  case directory, regular, symbolicLink
}

/// What `stat` reports.
package struct FileAttributes: Sendable, Hashable {
  package var inode: InodeNumber
  package var kind: FileKind
  /// Bytes; of a symbolic link, those of its target.
  package var size: Int
  /// Permission bits only: 0o644, 0o755.
  package var permissions: UInt32
  package var linkCount: UInt32
  /// Nanoseconds since 1970.
  package var modified: Int64
  /// Whether the kernel may keep these attributes, and the name that led to them, until told otherwise.
  package var isCacheable: Bool

  package init(
    inode: InodeNumber, kind: FileKind, size: Int, permissions: UInt32, linkCount: UInt32 = 1, modified: Int64,
    isCacheable: Bool = true
  ) {
    self.inode = inode
    self.kind = kind
    self.size = size
    self.permissions = permissions
    self.linkCount = linkCount
    self.modified = modified
    self.isCacheable = isCacheable
  }
}

/// The answer to a lookup.
package struct DirectoryItem: Sendable, Hashable {
  package var attributes: FileAttributes
  package init(attributes: FileAttributes) { self.attributes = attributes }
}

/// One line of a folder's listing.
package struct DirectoryEntry: Sendable, Hashable {
  package var name: String
  package var inode: InodeNumber
  package var kind: FileKind
  package init(name: String, inode: InodeNumber, kind: FileKind) {
    self.name = name
    self.inode = inode
    self.kind = kind
  }
}

/// What an open asks for.
package struct OpenAccess: Sendable, Hashable {
  package var reads: Bool
  package var writes: Bool
  package var truncates: Bool
  package var caller: Caller
  package init(reads: Bool, writes: Bool, truncates: Bool, caller: Caller) {
    self.reads = reads
    self.writes = writes
    self.truncates = truncates
    self.caller = caller
  }
}

/// The process that made a request.
package struct Caller: Sendable, Hashable {
  package var uid: UInt32
  package var gid: UInt32
  package var pid: Int32
  package init(uid: UInt32, gid: UInt32, pid: Int32) {
    self.uid = uid
    self.gid = gid
    self.pid = pid
  }
}

/// An open file, and how the kernel is to treat it.
package struct OpenFile: Sendable, Hashable {
  package enum Caching: Sendable, Hashable {
    /// The bytes of this inode never change: pages already cached stay valid.
    case immutable
    /// The content is made at open and has no fixed size: every read comes here.
    case none
  }
  package var handle: HandleNumber
  package var caching: Caching
  package init(handle: HandleNumber, caching: Caching) {
    self.handle = handle
    self.caching = caching
  }
}

/// A stretch of an answer to a read.
package enum ReadPiece: Sendable {
  case bytes(ArraySlice<UInt8>)
  /// `count` bytes at `offset` of an open descriptor.
  case file(descriptor: CInt, offset: Int, count: Int)
}

/// What a SETATTR asks for; nil fields stay.
package struct AttributeChange: Sendable, Hashable {
  package var size: Int?
  /// Nanoseconds since 1970.
  package var modified: Int64?
  /// The open file through which the change is asked for.
  package var handle: HandleNumber?
  package init(size: Int? = nil, modified: Int64? = nil, handle: HandleNumber? = nil) {
    self.size = size
    self.modified = modified
    self.handle = handle
  }
}

/// What `statfs` reports, in bytes and files.
package struct VolumeStatistics: Sendable, Hashable {
  package var capacity: Int
  package var free: Int
  package var available: Int
  package var files: Int
  package init(capacity: Int, free: Int, available: Int, files: Int) {
    self.capacity = capacity
    self.free = free
    self.available = available
    self.files = files
  }
}
