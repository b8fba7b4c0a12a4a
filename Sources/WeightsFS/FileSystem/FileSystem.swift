package import StoreRecords
package import WeightRegistry

/// A tree that a kernel can be served from, with no FUSE in it. Called on many threads at once; every call is synchronous.
///
/// Inodes are named by number. `lookup` raises an inode's lookup count by one, `forget` lowers it; an inode stays valid
/// while its count is above zero or a handle on it is open. The root is ``InodeNumber/root`` and is never forgotten.
package protocol FileSystem: AnyObject, Sendable {
  /// Finds `name` in the folder `parent` and counts the lookup.
  ///
  /// - Parameter caller: who asks, and waits: a name that somebody is about to make exclusively may be told as missing.
  func lookup(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError) -> DirectoryItem

  /// Takes back `count` lookups.
  func forget(_ inode: InodeNumber, count: UInt64)

  func attributes(of inode: InodeNumber) throws(FileSystemError) -> FileAttributes

  /// Sets what can be set: sizes, times, and the permissions of ordinary files and of folders in versions; those of others, and the
  /// owner, are accepted and ignored.
  func setAttributes(
    of inode: InodeNumber, _ change: AttributeChange, caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> FileAttributes

  /// The target of a symbolic link.
  func readLink(_ inode: InodeNumber) throws(FileSystemError) -> LinkTarget

  /// Opens a file.
  ///
  /// - Throws: `ESTALE` if the inode cannot be opened that way, but a fresh lookup of its name leads to one that can.
  func open(_ inode: InodeNumber, _ access: OpenAccess) throws(FileSystemError) -> OpenFile

  /// The stretches that make up `count` bytes from `offset`; fewer bytes at the end of the file, none after it.
  ///
  /// Descriptors in the answer stay open until the handle is released.
  func read(_ handle: HandleNumber, offset: Int, count: Int) throws(FileSystemError) -> [Stretch]

  /// Writes to a handle and returns how many bytes were taken.
  ///
  /// - Parameter isInterrupted: whether the caller has been sent a signal meanwhile; long work asks it and ends with
  ///   `EINTR`. Valid until this returns.
  func write(
    _ handle: HandleNumber, offset: Int, bytes: UnsafeRawBufferPointer, caller: Caller,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Int

  /// One close(2) of the file, if it was opened for writing; its error is what close reports.
  func flush(
    _ handle: HandleNumber, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError)

  /// The last reference to the handle is gone.
  func release(_ handle: HandleNumber)

  // MARK: Changes of the tree
  // What these answer with counts a lookup, as `lookup` does.

  /// - Parameter permissions: mode of the folder, without the kind.
  func makeDirectory(
    _ name: String, in parent: InodeNumber, permissions: UInt32, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem

  /// Makes a file, or opens the one that is there unless `isExclusive`.
  func create(
    _ name: String, in parent: InodeNumber, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> CreatedFile

  func makeSymbolicLink(
    _ name: String, in parent: InodeNumber, target: LinkTarget, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem

  /// Makes a copy that costs metadata only: the new name has an inode of its own.
  func makeHardLink(
    to inode: InodeNumber, named name: String, in parent: InodeNumber, caller: Caller,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> DirectoryItem

  func unlink(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError)

  func removeDirectory(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError)

  func rename(
    _ name: String, in parent: InodeNumber, to newName: String, in newParent: InodeNumber, _ mode: RenameMode,
    caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError)

  // MARK: Parts of files

  /// Copies between open files; answers how many bytes were taken.
  ///
  /// - Throws: `EXDEV` if the caller has to read and write instead.
  func copyRange(
    from source: HandleNumber, offset: Int, to target: HandleNumber, offset targetOffset: Int, count: Int
  ) throws(FileSystemError) -> Int

  /// Reserves space (`fallocate`); grows the file unless `keepsSize`.
  func allocate(
    _ handle: HandleNumber, offset: Int, count: Int, keepsSize: Bool, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError)

  /// `fsync`.
  func synchronize(_ handle: HandleNumber, isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError)

  // MARK: Extended attributes

  /// - Throws: `ENODATA` if there is none of that name.
  func extendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError) -> [UInt8]

  func extendedAttributeNames(of inode: InodeNumber) throws(FileSystemError) -> [String]

  /// - Throws: `EOPNOTSUPP` for what keeps none of that name; `ENOSPC` if there is no room for more; as `mode` says.
  func setExtendedAttribute(
    _ name: String, of inode: InodeNumber, value: [UInt8], _ mode: AttributeMode, caller: Caller
  ) throws(FileSystemError)

  func removeExtendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError)

  // MARK: Folders

  /// A stable listing of a folder, `.` and `..` not included.
  func openDirectory(_ inode: InodeNumber) throws(FileSystemError) -> HandleNumber

  /// Entries of an open folder from position `start` (0 is the first), as many as the file system likes to give at once;
  /// empty at the end. Does not count lookups.
  func readDirectory(_ handle: HandleNumber, from start: Int) throws(FileSystemError) -> ArraySlice<DirectoryEntry>

  func releaseDirectory(_ handle: HandleNumber)

  /// Calls `observer`, from any thread, after every change that makes something false that the kernel may have kept.
  func observeChanges(_ observer: @escaping @Sendable (TreeChange) -> Void)

  func volumeStatistics() throws(FileSystemError) -> VolumeStatistics
}
