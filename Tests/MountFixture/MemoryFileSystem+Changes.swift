import Glibc
package import StoreRecords
package import WeightsFS

/// What can be changed lies in `scratch`; the rest answers EROFS.
extension MemoryFileSystem {
  func isScratch(_ inode: InodeNumber) -> Bool { inode.rawValue >= MemoryScratch.base }

  private func requireScratch(_ inode: InodeNumber) throws(FileSystemError) {
    if !isScratch(inode) { throw FileSystemError(EROFS) }
  }

  package func makeDirectory(
    _ name: String, in parent: InodeNumber, permissions: UInt32, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    try requireScratch(parent)
    return try enter(try scratch.add(MemoryScratch.Item(kind: .directory), name, to: parent))
  }

  package func create(
    _ name: String, in parent: InodeNumber, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> CreatedFile {
    try requireScratch(parent)
    let item = try enter(try scratch.add(MemoryScratch.Item(kind: .regular), name, to: parent))
    return CreatedFile(item: item, file: OpenFile(handle: newHandle(item.attributes.inode), caching: .staging))
  }

  package func makeSymbolicLink(
    _ name: String, in parent: InodeNumber, target: LinkTarget, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    try requireScratch(parent)
    let item = MemoryScratch.Item(kind: .symbolicLink, bytes: target.bytes)
    return try enter(try scratch.add(item, name, to: parent))
  }

  package func makeHardLink(
    to inode: InodeNumber, named name: String, in parent: InodeNumber, caller: Caller,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> DirectoryItem {
    try requireScratch(parent)
    return try enter(try scratch.add(try scratch.item(inode), name, to: parent))
  }

  package func unlink(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError) {
    try requireScratch(parent)
    try scratch.remove(name, in: parent, kind: nil)
  }

  package func removeDirectory(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError) {
    try requireScratch(parent)
    try scratch.remove(name, in: parent, kind: .directory)
  }

  package func rename(
    _ name: String, in parent: InodeNumber, to newName: String, in newParent: InodeNumber, _ mode: RenameMode,
    caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try requireScratch(parent)
    try requireScratch(newParent)
    try scratch.rename(name, in: parent, to: newName, in: newParent, mode)
  }

  package func flush(_ handle: HandleNumber, isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    let inode = try inode(of: handle)
    if isScratch(inode) { try scratch.close(inode, isInterrupted: isInterrupted) }
  }

  package func copyRange(
    from source: HandleNumber, offset: Int, to target: HandleNumber, offset targetOffset: Int, count: Int
  ) throws(FileSystemError) -> Int {
    let bytes = Array(try scratch.item(try inode(of: source)).bytes.dropFirst(offset).prefix(count))
    let target = try inode(of: target)
    try scratch.write(bytes, at: targetOffset, to: target)
    try scratch.change(target) { $0.attributes["user.tantra.copied"] = Array("\(bytes.count)".utf8) }
    return bytes.count
  }

  package func allocate(
    _ handle: HandleNumber, offset: Int, count: Int, keepsSize: Bool, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let inode = try inode(of: handle)
    let size = try scratch.item(inode).bytes.count
    if !keepsSize, offset + count > size { try scratch.resize(inode, to: offset + count) }
  }

  package func synchronize(
    _ handle: HandleNumber, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try scratch.change(try inode(of: handle)) { $0.attributes["user.tantra.synchronized"] = [1] }
  }

  package func extendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError) -> [UInt8] {
    guard isScratch(inode), let value = try scratch.item(inode).attributes[name] else { throw FileSystemError(ENODATA) }
    return value
  }

  package func extendedAttributeNames(of inode: InodeNumber) throws(FileSystemError) -> [String] {
    isScratch(inode) ? try scratch.item(inode).attributes.keys.sorted() : []
  }

  package func setExtendedAttribute(
    _ name: String, of inode: InodeNumber, value: [UInt8], _ mode: AttributeMode, caller: Caller
  ) throws(FileSystemError) {
    try requireScratch(inode)
    try scratch.change(inode) { $0.attributes[name] = value }
  }

  package func removeExtendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError) {
    _ = try extendedAttribute(name, of: inode)
    try scratch.change(inode) { $0.attributes[name] = nil }
  }
}
