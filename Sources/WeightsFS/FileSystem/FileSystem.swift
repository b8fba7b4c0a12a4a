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
