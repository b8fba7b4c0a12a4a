import BlobStore
import Glibc
import PosixIO
package import StoreRecords
import Synchronization
import SystemPackage
package import WeightRegistry
package import WeightsFS

/// A small tree in memory for tests of the FUSE layer, with a file for each way that it can be used and misused.
///
///     hello.txt                 six bytes
///     stitched.bin              literal bytes and ranges of the backing file, in turn, cut at odd places
///     whole.bin                 the backing file as it is
///     damaged.bin               promises more of the backing file than it holds
///     active -> v1 | v2         as control/active says
///     v1/name.txt v2/name.txt
///     many/f00000.txt ...       10,000 files
///     hostile/                  lists names that no folder may have; its names fail with strange errors
///     scratch/                  see MemoryScratch: whatever is made there
///     control/active            write a version's name to switch
///     control/refuse            every write fails with EBADMSG
///     control/counters          lookups and handles that are out, as text without a known size
///     control/reads             how many reads of files in pieces were answered, in the same way
///     control/patient           a write takes half a minute, unless it is interrupted
///     control/greedy            claims to have taken more bytes than it was given
package final class MemoryFileSystem: FileSystem {
  private struct State {
    var target = "v1"
    var lookups: [InodeNumber: UInt64] = [:]
    var handles: [HandleNumber: InodeNumber] = [:]
    var contents: [HandleNumber: [UInt8]] = [:]
    var lastHandle: UInt64 = 0
    var reads = 0
  }

  private let tree: MemoryTree
  let scratch = MemoryScratch()
  private let state = Mutex(State())

  package init(tree: MemoryTree) { self.tree = tree }

  package func lookup(
    _ name: String, in parent: InodeNumber, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    if parent == .root, name == "scratch" { return try enter(MemoryScratch.root) }
    if isScratch(parent) { return try enter(try scratch.inode(name, in: parent)) }
    guard case .folder(let names) = try tree.node(parent).content else { throw FileSystemError(ENOTDIR) }
    if try tree.node(parent).isHostile, let code = CInt(name) { throw FileSystemError(code, "an error of this number") }
    guard let inode = names[name] else { throw FileSystemError(ENOENT) }
    return try enter(inode)
  }

  /// Answers with an inode and counts the lookup.
  func enter(_ inode: InodeNumber) throws(FileSystemError) -> DirectoryItem {
    let attributes = try attributes(of: inode)
    state.withLock { $0.lookups[inode, default: 0] += 1 }
    return DirectoryItem(attributes: attributes)
  }

  package func forget(_ inode: InodeNumber, count: UInt64) {
    state.withLock { state in
      let (left, overflow) = state.lookups[inode, default: 0].subtractingReportingOverflow(count)
      // A wrong count shows in control/counters as a huge one.
      state.lookups[inode] = left == 0 && !overflow ? nil : left
    }
  }

  package func attributes(of inode: InodeNumber) throws(FileSystemError) -> FileAttributes {
    if isScratch(inode) { return try scratch.attributes(of: inode) }
    let node = try tree.node(inode)
    let time: Int64 = 1_700_000_000_123_456_789
    switch node.content {
    case .folder:
      return FileAttributes(
        inode: inode, kind: .directory, size: 0, permissions: 0o755, linkCount: 2, modified: time)
    case .link:
      let target = state.withLock { $0.target }
      return FileAttributes(
        inode: inode, kind: .symbolicLink, size: target.utf8.count, permissions: 0o777, modified: time,
        isCacheable: false)
    case .pieces(let pieces):
      return FileAttributes(
        inode: inode, kind: .regular, size: pieces.map(\.byteCount).reduce(0, +), permissions: 0o644, modified: time)
    case .control:
      return FileAttributes(
        inode: inode, kind: .regular, size: 0, permissions: 0o644, modified: time, isCacheable: false)
    }
  }

  package func setAttributes(
    of inode: InodeNumber, _ change: AttributeChange, caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> FileAttributes {
    if isScratch(inode) {
      if let size = change.size { try scratch.resize(inode, to: size) }
      if let modified = change.modified { try scratch.change(inode) { $0.modified = modified } }
      return try attributes(of: inode)
    }
    guard case .control = try tree.node(inode).content else {
      throw FileSystemError(EPERM, "only control files change")
    }
    return try attributes(of: inode)
  }

  package func readLink(_ inode: InodeNumber) throws(FileSystemError) -> LinkTarget {
    if isScratch(inode) { return LinkTarget(try scratch.item(inode).bytes) }
    guard case .link = try tree.node(inode).content else { throw FileSystemError(EINVAL) }
    return LinkTarget(state.withLock { $0.target })
  }

  package func open(_ inode: InodeNumber, _ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    if isScratch(inode) {
      if access.truncates { try scratch.resize(inode, to: 0) }
      return OpenFile(handle: newHandle(inode), caching: .staging)
    }
    switch try tree.node(inode).content {
    case .folder, .link: throw FileSystemError(EISDIR)
    case .pieces(let pieces):
      if access.writes { throw FileSystemError(EPERM, "published files do not change") }
      var backing: CInt?
      if pieces.count == 1, case .stored(let bytes, _) = pieces[0] { backing = bytes.localFile?.descriptor.rawValue }
      return OpenFile(handle: newHandle(inode), caching: .immutable, backing: backing)
    case .control(let action):
      let handle = newHandle(inode)
      if action == .counters { state.withLock { $0.contents[handle] = Array(counters($0, without: inode).utf8) } }
      if action == .reads { state.withLock { $0.contents[handle] = Array("\($0.reads)\n".utf8) } }
      return OpenFile(handle: handle, caching: .none)
    }
  }

  package func read(_ handle: HandleNumber, offset: Int, count: Int) throws(FileSystemError) -> [Stretch] {
    let (inode, content) = state.withLock { ($0.handles[handle], $0.contents[handle]) }
    guard let inode else { throw FileSystemError(EBADF) }
    if isScratch(inode) { return [.bytes(try scratch.item(inode).bytes.dropFirst(offset).prefix(count))] }
    if let content { return [.bytes(content.dropFirst(offset).prefix(count))] }
    guard case .pieces(let pieces) = try tree.node(inode).content else { return [] }
    state.withLock { $0.reads += 1 }
    return MemoryTree.cut(pieces, offset: offset, count: count)
  }

  package func write(
    _ handle: HandleNumber, offset: Int, bytes: UnsafeRawBufferPointer, caller: Caller,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Int {
    let inode = try inode(of: handle)
    if isScratch(inode) {
      try scratch.write(Array(bytes), at: offset, to: inode)
      return bytes.count
    }
    guard case .control(let action) = try tree.node(inode).content else { throw FileSystemError(EPERM) }
    switch action {
    case .refuse: throw FileSystemError(EBADMSG, "tensor layers.0.weight is damaged")
    case .greedy: return bytes.count + 1
    case .patient:
      for _ in 0..<3000 {
        if isInterrupted() { throw FileSystemError(EINTR, "the work was interrupted") }
        usleep(10_000)
      }
      return bytes.count
    case .counters, .reads: throw FileSystemError(EPERM)
    case .switchTarget:
      let text = String(decoding: bytes, as: UTF8.self)
      if let target = text.split(whereSeparator: \.isWhitespace).first { state.withLock { $0.target = String(target) } }
      return bytes.count
    }
  }

  package func release(_ handle: HandleNumber) {
    state.withLock { state in
      state.handles[handle] = nil
      state.contents[handle] = nil
    }
  }

  package func openDirectory(_ inode: InodeNumber) throws(FileSystemError) -> HandleNumber {
    if !isScratch(inode) {
      guard case .folder = try tree.node(inode).content else { throw FileSystemError(ENOTDIR) }
    }
    return newHandle(inode)
  }

  package func readDirectory(_ handle: HandleNumber, from start: Int) throws(FileSystemError) -> ArraySlice<
    DirectoryEntry
  > {
    let inode = try inode(of: handle)
    if isScratch(inode) {
      var entries: [DirectoryEntry] = []
      for (name, inode) in try scratch.item(inode).names.sorted(by: { $0.key < $1.key }) {
        entries.append(DirectoryEntry(name: name, inode: inode, kind: try scratch.item(inode).kind))
      }
      return entries.dropFirst(start)
    }
    // A few at a time, so that an answer takes several calls.
    return try tree.node(inode).listing.dropFirst(start).prefix(50)
  }

  package func releaseDirectory(_ handle: HandleNumber) { release(handle) }

  /// Nothing that the kernel may keep ever changes here.
  package func observeChanges(_ observer: @escaping @Sendable (TreeChange) -> Void) {}

  package func volumeStatistics() throws(FileSystemError) -> VolumeStatistics {
    VolumeStatistics(capacity: 1 << 30, free: 1 << 29, available: 1 << 28, files: 12345, freeFiles: 345)
  }

  func inode(of handle: HandleNumber) throws(FileSystemError) -> InodeNumber {
    guard let inode = state.withLock({ $0.handles[handle] }) else { throw FileSystemError(EBADF) }
    return inode
  }

  func newHandle(_ inode: InodeNumber) -> HandleNumber {
    state.withLock { state in
      state.lastHandle += 1
      let handle = HandleNumber(rawValue: state.lastHandle)
      state.handles[handle] = inode
      return handle
    }
  }

  /// What is out, but for the way to `control/counters` itself.
  private func counters(_ state: State, without inode: InodeNumber) -> String {
    let apart: Set = [inode, tree.controlFolder]
    let lookups = state.lookups.filter { !apart.contains($0.key) }.values.reduce(0, &+)
    let handles = state.handles.values.filter { !apart.contains($0) }.count
    return "lookups \(lookups) handles \(handles)\n"
  }
}
