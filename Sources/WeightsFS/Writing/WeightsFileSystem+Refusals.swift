import Glibc

/// What the tree does not do yet.
extension WeightsFileSystem {
  package func makeDirectory(
    _ name: String, in parent: InodeNumber, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    throw FileSystemError(EROFS)
  }

  package func create(
    _ name: String, in parent: InodeNumber, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> CreatedFile {
    throw FileSystemError(EROFS)
  }

  package func makeSymbolicLink(
    _ name: String, in parent: InodeNumber, target: String, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    throw FileSystemError(EROFS)
  }

  package func makeHardLink(
    to inode: InodeNumber, named name: String, in parent: InodeNumber, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    throw FileSystemError(EROFS)
  }

  package func unlink(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError) {
    throw FileSystemError(EROFS)
  }

  package func removeDirectory(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError) {
    throw FileSystemError(EROFS)
  }

  package func rename(
    _ name: String, in parent: InodeNumber, to newName: String, in newParent: InodeNumber, _ mode: RenameMode,
    caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    throw FileSystemError(EROFS)
  }

  package func copyRange(
    from source: HandleNumber, offset: Int, to target: HandleNumber, offset targetOffset: Int, count: Int
  ) throws(FileSystemError) -> Int {
    throw FileSystemError(EXDEV)
  }

  package func allocate(
    _ handle: HandleNumber, offset: Int, count: Int, keepsSize: Bool
  ) throws(FileSystemError) {
    throw FileSystemError(EROFS)
  }

  package func synchronize(_ handle: HandleNumber) throws(FileSystemError) {}

  package func extendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError) -> [UInt8] {
    throw FileSystemError(ENODATA)
  }

  package func extendedAttributeNames(of inode: InodeNumber) throws(FileSystemError) -> [String] { [] }

  package func setExtendedAttribute(
    _ name: String, of inode: InodeNumber, value: [UInt8], caller: Caller
  ) throws(FileSystemError) {
    throw FileSystemError(EROFS)
  }

  package func removeExtendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError) {
    throw FileSystemError(EROFS)
  }
}
