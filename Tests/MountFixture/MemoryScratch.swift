import Glibc
import Synchronization
import WeightsFS

/// The folder `scratch` of ``MemoryFileSystem``: files, links and folders in it can be made, written, renamed and removed.
/// Closing a file whose content begins with `refuse` fails with EPERM; one that begins with `slow` takes three seconds,
/// unless it is interrupted.
final class MemoryScratch: Sendable {
  struct Item: Sendable {
    var kind: FileKind
    var bytes: [UInt8] = []
    var names: [String: InodeNumber] = [:]
    var modified: Int64 = 1_700_000_000_123_456_789
    var attributes: [String: [UInt8]] = [:]
  }

  /// Numbers from here on are of this folder.
  static let base: UInt64 = 1 << 32
  static let root = InodeNumber(rawValue: base)

  private struct State {
    var items: [InodeNumber: Item] = [MemoryScratch.root: Item(kind: .directory)]
    var last = MemoryScratch.base
  }

  private let state = Mutex(State())

  func item(_ inode: InodeNumber) throws(FileSystemError) -> Item {
    guard let item = state.withLock({ $0.items[inode] }) else { throw FileSystemError(ESTALE) }
    return item
  }

  func change(_ inode: InodeNumber, _ body: (inout Item) -> Void) throws(FileSystemError) {
    let known = state.withLock { state in
      guard var item = state.items.removeValue(forKey: inode) else { return false }
      body(&item)
      state.items[inode] = item
      return true
    }
    if !known { throw FileSystemError(ESTALE) }
  }

  /// Makes something new in a folder.
  func add(_ item: Item, _ name: String, to folder: InodeNumber) throws(FileSystemError) -> InodeNumber {
    guard try self.item(folder).names[name] == nil else { throw FileSystemError(EEXIST) }
    let inode = state.withLock { state in
      state.last += 1
      let inode = InodeNumber(rawValue: state.last)
      state.items[inode] = item
      return inode
    }
    try change(folder) { $0.names[name] = inode }
    return inode
  }

  func inode(_ name: String, in folder: InodeNumber) throws(FileSystemError) -> InodeNumber {
    guard let inode = try item(folder).names[name] else { throw FileSystemError(ENOENT) }
    return inode
  }

  func attributes(of inode: InodeNumber) throws(FileSystemError) -> FileAttributes {
    let item = try item(inode)
    return FileAttributes(
      inode: inode, kind: item.kind, size: item.bytes.count, permissions: item.kind == .regular ? 0o644 : 0o755,
      modified: item.modified, isCacheable: false)
  }

  func remove(_ name: String, in folder: InodeNumber, kind: FileKind?) throws(FileSystemError) {
    let inode = try inode(name, in: folder)
    let item = try item(inode)
    if let kind, item.kind != kind { throw FileSystemError(kind == .directory ? ENOTDIR : EISDIR) }
    guard item.names.isEmpty else { throw FileSystemError(ENOTEMPTY) }
    // Whoever has it open still reads it.
    try change(folder) { $0.names[name] = nil }
  }

  func rename(
    _ name: String, in folder: InodeNumber, to newName: String, in newFolder: InodeNumber, _ mode: RenameMode
  ) throws(FileSystemError) {
    let inode = try inode(name, in: folder)
    let target = try item(newFolder).names[newName]
    if mode == .keeping, target != nil { throw FileSystemError(EEXIST) }
    if mode == .exchanging, target == nil { throw FileSystemError(ENOENT) }
    try change(folder) { $0.names[name] = mode == .exchanging ? target : nil }
    try change(newFolder) { $0.names[newName] = inode }
  }

  func write(_ bytes: [UInt8], at offset: Int, to inode: InodeNumber) throws(FileSystemError) {
    try change(inode) { item in
      let end = offset + bytes.count
      if item.bytes.count < end { item.bytes += [UInt8](repeating: 0, count: end - item.bytes.count) }
      item.bytes.replaceSubrange(offset..<end, with: bytes)
    }
  }

  func resize(_ inode: InodeNumber, to size: Int) throws(FileSystemError) {
    try change(inode) { item in
      item.bytes =
        size < item.bytes.count
        ? Array(item.bytes[..<size]) : item.bytes + [UInt8](repeating: 0, count: size - item.bytes.count)
    }
  }

  func close(_ inode: InodeNumber, isInterrupted: () -> Bool) throws(FileSystemError) {
    let bytes = try item(inode).bytes
    if bytes.starts(with: Array("refuse".utf8)) { throw FileSystemError(EPERM, "this file is refused at its close") }
    guard bytes.starts(with: Array("slow".utf8)) else { return }
    for _ in 0..<300 {
      if isInterrupted() { throw FileSystemError(EINTR, "the close was interrupted") }
      usleep(10_000)
    }
  }
}
