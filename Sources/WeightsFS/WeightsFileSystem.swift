import Glibc
package import Logging
import PosixIO
import StoreClient
package import StoreRecords
import Synchronization
package import WeightRegistry

/// The tree of a store: `/<model>/<version>/model.{safetensors,pt,bin}`, `active`, `.files` and `.control`.
///
/// It finds what a request is about, and lets that answer: folders, files and links by ``TreeEntry``, what programs have open by
/// ``OpenHandle``.
package final class WeightsFileSystem: FileSystem {
  private let tree: MountedTree

  /// - Parameters:
  ///   - events: what `.control/log` shows.
  ///   - status: more lines of `.control/status`.
  package init(
    registry: WeightRegistry, events: EventLog, logger: Logger, status: @escaping @Sendable () -> String = { "" }
  ) {
    tree = MountedTree(registry: registry, events: events, logger: logger, status: status)
    let changes = RecordChanges(tree: tree)
    changes.retireInodes()
    changes.releaseReplaced()
    LeftUploads(tree: tree).settle()
  }

  package func observeChanges(_ observer: @escaping @Sendable (TreeChange) -> Void) {
    RecordChanges(tree: tree).observe(observer)
  }

  private func entry(_ inode: InodeNumber) throws(FileSystemError) -> any TreeEntry {
    try tree.node(inode).entry(in: tree)
  }

  private func handle(_ number: HandleNumber) throws(FileSystemError) -> any OpenHandle {
    guard let handle = tree.handles[number] else { throw FileSystemError(.badHandle) }
    return handle
  }

  /// A store that another process writes to may have changed.
  private func refresh() throws(FileSystemError) { try tree.step(try tree.registry.refresh()) }

  // MARK: Names

  package func lookup(
    _ name: String, in parent: InodeNumber, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    try refresh()
    guard let child = try tree.folder(parent).child(named: name, for: caller) else { throw FileSystemError(.missing) }
    return try tree.item(child)
  }

  package func forget(_ inode: InodeNumber, count: UInt64) { tree.inodes.forget(inode, count: count) }

  package func readLink(_ inode: InodeNumber) throws(FileSystemError) -> LinkTarget {
    try refresh()
    guard let link = try entry(inode) as? any TreeLink else { throw FileSystemError(.invalid) }
    return try link.target()
  }

  package func makeDirectory(
    _ name: String, in parent: InodeNumber, permissions: UInt32, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    try tree.item(try tree.folder(parent).makeDirectory(name, permissions: permissions))
  }

  package func makeSymbolicLink(
    _ name: String, in parent: InodeNumber, target: LinkTarget, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    let link = try tree.folder(parent).makeSymbolicLink(name, target: target, by: caller)
    noteMade(name, in: parent, by: caller, isExclusive: true)
    return try tree.item(link)
  }

  package func makeHardLink(
    to inode: InodeNumber, named name: String, in parent: InodeNumber, caller: Caller,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> DirectoryItem {
    let source = try tree.node(inode)
    let file = try tree.folder(parent).makeHardLink(to: source, named: name, by: caller, isInterrupted)
    noteMade(name, in: parent, by: caller, isExclusive: true)
    return try tree.item(file)
  }

  private func noteMade(
    _ name: String, in parent: InodeNumber, by caller: Caller, isExclusive: Bool, open handle: HandleNumber? = nil
  ) {
    guard let place = tree.inodes.node(parent)?.place(of: name) else { return }
    tree.fillers.noteMade(place, by: caller.pid, isExclusive: isExclusive, open: handle)
  }

  package func unlink(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError) {
    try tree.folder(parent).unlink(name, by: caller)
  }

  package func removeDirectory(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError) {
    guard let child = try tree.folder(parent).child(named: name) else { throw FileSystemError(.missing) }
    guard let folder = child.entry(in: tree) as? any TreeFolder else { throw FileSystemError(.notDirectory) }
    try folder.remove(by: caller)
  }

  package func rename(
    _ name: String, in parent: InodeNumber, to newName: String, in newParent: InodeNumber, _ mode: RenameMode,
    caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    if mode == .exchanging { throw FileSystemError(.invalid, "names cannot be exchanged here") }
    let (folder, newFolder) = (try tree.node(parent), try tree.node(newParent))
    if folder == newFolder, ExactName(name) == ExactName(newName) { return }
    try Renaming(tree: tree, mode: mode, caller: caller, isInterrupted: isInterrupted)
      .rename(name, in: folder, to: newName, in: newFolder)
    noteMade(newName, in: newParent, by: caller, isExclusive: false)
  }

  // MARK: Attributes

  package func attributes(of inode: InodeNumber) throws(FileSystemError) -> FileAttributes {
    // A file that is gone from the tree, but still open somewhere, keeps what it had.
    let node = try tree.node(inode)
    guard var known = tree.inodes.attributes(of: inode) else { return try tree.attributes(of: node) }
    known.accessed = tree.inodes.accessed(node)
    return known
  }

  package func setAttributes(
    of inode: InodeNumber, _ change: AttributeChange, caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> FileAttributes {
    var node = try tree.node(inode)
    // What was opened for writing is meant, whatever inode the kernel has for the name.
    if let handle = change.handle, let open = tree.handles[handle] as? WriterHandle {
      node = .staging(open.writer.number)
    }
    try noteAccess(to: node, change)
    let entry = node.entry(in: tree)
    if let size = change.size { try entry.setSize(size, isInterrupted) }
    if let permissions = change.permissions {
      try entry.changeProperties { $0.permissions == permissions ? $0 : $0.with(permissions: permissions) }
    }
    if let modified = change.modified { try entry.setModified(modified) }
    if node.isUnchanging, change.modified == nil, change.permissions == nil { return try attributes(of: inode) }
    var attributes = try tree.attributes(of: node)
    if node.isUnchanging { tree.inodes.remember(attributes) }
    attributes.inode = inode
    return attributes
  }

  /// Keeps the atime that somebody sets, or the one that was told before somebody sets the mtime alone.
  private func noteAccess(to node: Node, _ change: AttributeChange) throws(FileSystemError) {
    if let time = change.accessed {
      tree.inodes.note(accessed: time, of: node)
    } else if change.modified != nil, tree.inodes.accessed(node) == nil {
      tree.inodes.note(accessed: try tree.attributes(of: node).modified, of: node)
    }
  }

  package func volumeStatistics() throws(FileSystemError) -> VolumeStatistics {
    let volume = try tree.step(try tree.records.volume())
    return VolumeStatistics(
      capacity: volume.capacity, free: volume.free, available: volume.available, files: volume.files,
      freeFiles: volume.freeFiles)
  }

  // MARK: Extended attributes

  /// What follows `user.tantra.` in the name of an attribute that tells what a file is; nil for other names.
  private func told(_ name: String) -> String? {
    let prefix = UserAttribute.tellingPrefix
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
  }

  package func extendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError) -> [UInt8] {
    // The kernel asks for security.capability before writes: answered without a look at anything.
    if !name.hasPrefix(UserAttribute.prefix) { throw FileSystemError(.noAttribute) }
    let entry = try entry(inode)
    let value =
      if let name = told(name) {
        try entry.extendedAttribute(name).map { Array($0.utf8) }
      } else {
        try entry.properties()?.attribute(name)
      }
    guard let value else { throw FileSystemError(.noAttribute) }
    return value
  }

  package func extendedAttributeNames(of inode: InodeNumber) throws(FileSystemError) -> [String] {
    let entry = try entry(inode)
    return try entry.extendedAttributeNames().map { UserAttribute.tellingPrefix + $0 }
      + (try entry.properties()?.attributes ?? []).map(\.name)
  }

  package func setExtendedAttribute(
    _ name: String, of inode: InodeNumber, value: [UInt8], _ mode: AttributeMode, caller: Caller
  ) throws(FileSystemError) {
    if name == WeightFileMark.makesNoEdition, case .staging(let number) = try tree.node(inode) {
      tree.writers[number]?.facts.withLock { $0.makesNoEdition = true }
      return
    }
    // What a copy brings along of these is true already, or of another file: rsync and tar would call a refusal a failure.
    if told(name) != nil { return }
    try changeAttribute(name, of: inode) { properties throws(FileSystemError) in
      let old = properties.attribute(name)
      if old == nil, mode == .replacing { throw FileSystemError(.noAttribute) }
      if old != nil, mode == .creating { throw FileSystemError(.exists) }
      if old == value { return properties }
      let changed = properties.with(value, of: name)
      if !changed.hasRoom { throw FileSystemError(ENOSPC) }
      return changed
    }
  }

  package func removeExtendedAttribute(_ name: String, of inode: InodeNumber) throws(FileSystemError) {
    if told(name) != nil { return }
    try changeAttribute(name, of: inode) { properties throws(FileSystemError) in
      guard properties.attribute(name) != nil else { throw FileSystemError(.noAttribute) }
      return properties.with(nil, of: name)
    }
  }

  private func changeAttribute(
    _ name: String, of inode: InodeNumber, _ change: PropertyChange
  ) throws(FileSystemError) {
    if name == UserAttribute.prefix { throw FileSystemError(.invalid) }
    let entry = try entry(inode)
    guard UserAttribute.isPossible(name), try entry.properties() != nil else { throw FileSystemError(.unsupported) }
    try entry.changeProperties(change)
  }

  // MARK: Files

  package func open(_ inode: InodeNumber, _ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    try entry(inode).open(access)
  }

  package func create(
    _ name: String, in parent: InodeNumber, _ access: OpenAccess, isExclusive: Bool
  ) throws(FileSystemError) -> CreatedFile {
    let (node, file) = try tree.folder(parent).create(name, access, isExclusive: isExclusive)
    noteMade(name, in: parent, by: access.caller, isExclusive: isExclusive, open: file.handle)
    do throws(FileSystemError) {
      return CreatedFile(item: try tree.item(node), file: file)
    } catch {
      release(file.handle)
      throw error
    }
  }

  package func read(_ handle: HandleNumber, offset: Int, count: Int) throws(FileSystemError) -> [Stretch] {
    try self.handle(handle).read(offset: offset, count: count)
  }

  package func write(
    _ handle: HandleNumber, offset: Int, bytes: UnsafeRawBufferPointer, caller: Caller,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Int {
    try self.handle(handle).write(bytes, at: offset, by: caller, isInterrupted)
    return bytes.count
  }

  package func flush(
    _ handle: HandleNumber, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try self.handle(handle).flush(isInterrupted)
  }

  package func release(_ handle: HandleNumber) {
    tree.handles[handle]?.release()
    tree.handles.remove(handle)
    tree.fillers.noteClosed(handle)
  }

  package func copyRange(
    from source: HandleNumber, offset: Int, to target: HandleNumber, offset targetOffset: Int, count: Int
  ) throws(FileSystemError) -> Int {
    guard let source = try handle(source).copySource, offset == targetOffset else {
      throw FileSystemError(.crossDevice)
    }
    return try handle(target).copyRange(from: source, offset: offset, count: count)
  }

  package func allocate(
    _ handle: HandleNumber, offset: Int, count: Int, keepsSize: Bool, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let open = try self.handle(handle)
    if !keepsSize { try open.allocate(offset: offset, count: count, isInterrupted) }
  }

  package func synchronize(
    _ handle: HandleNumber, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try self.handle(handle).synchronize(isInterrupted)
  }

  // MARK: Folders

  package func openDirectory(_ inode: InodeNumber) throws(FileSystemError) -> HandleNumber {
    try refresh()
    let entries = try tree.folder(inode).children().map { name, node in
      DirectoryEntry(name: name, inode: tree.inodes.number(of: node), kind: node.kind)
    }
    return tree.handles.insert(ListingHandle(entries: entries))
  }

  package func readDirectory(
    _ handle: HandleNumber, from start: Int
  ) throws(FileSystemError) -> ArraySlice<DirectoryEntry> {
    guard let listing = tree.handles[handle] as? ListingHandle else { throw FileSystemError(.badHandle) }
    return listing.entries.dropFirst(max(0, start))
  }

  package func releaseDirectory(_ handle: HandleNumber) { tree.handles.remove(handle) }
}
