import Logging
import PosixIO
import StoreRecords
import SystemPackage
import Tensors
import WeightRegistry

/// An ordinary file as the tree shows it.
struct OrdinaryEntry: TreeFile {
  let tree: MountedTree
  let place: FilePlace

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    if let file = tree.ordinary[place] { return try file.describe(&attributes) }
    let file = try recorded()
    (attributes.size, attributes.modified) = (file.byteCount, file.modified)
    attributes.permissions = file.permissions
    guard let name = file.upload else { return }
    // The record was written when the upload was begun.
    let status = try tree.step(try tree.records.uploads.status(of: name))
    (attributes.size, attributes.modified) = (status.size, status.modified)
  }

  func extendedAttributeNames() throws(FileSystemError) -> [String] { try recorded().digest == nil ? [] : ["digest"] }

  func extendedAttribute(_ name: String) throws(FileSystemError) -> String? {
    name == "digest" ? try recorded().digest?.description : nil
  }

  func setSize(_ size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try requireChangeable()
    let handle = try handle(writes: true)
    defer { handle.release() }
    try handle.file.cut(to: size, isInterrupted)
    try handle.file.flush(isInterrupted)
  }

  func setModified(_ time: Int64) throws(FileSystemError) {
    if let file = tree.ordinary[place] { return try file.setModified(time) }
    if try recorded().upload != nil {
      let handle = try handle(writes: false)
      defer { handle.release() }
      return try handle.file.setModified(time)
    }
    try tree.setModified(time, at: place)
  }

  func setPermissions(_ permissions: UInt32) throws(FileSystemError) {
    if try recorded().permissions == permissions { return }
    try requireChangeable()
    let handle = try handle(writes: false)
    defer { handle.release() }
    try handle.file.setPermissions(permissions)
  }

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    if access.changes { try requireChangeable() }
    let handle = try handle(writes: access.changes)
    do throws(FileSystemError) {
      let blob = if case .stored(let file, _) = handle.file.current.body { file.blob } else { Digest?.none }
      try tree.requireHarmless(
        blob, of: place.model, path: place.description, access
      ) { () throws(FileSystemError) in try handle.file.view() }
      if access.truncates { try handle.file.cut(to: 0) { false } }
    } catch {
      handle.release()
      throw error
    }
    return handle.opened
  }

  /// Makes a file that is not there, and opens it.
  func create(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    let isBacked = place.purpose == .temporary
    let upload = try tree.step(try tree.records.uploads.begin(sharing: isBacked))
    try tree.filling(upload) { () throws(FileSystemError) in
      try tree.ordinary.changing(place) { () throws(FileSystemError) in
        try tree.record(upload, at: place, permissions: access.permissions)
      }
    }
    let file = try tree.ordinary.open(place, forWriting: access.changes) { number in
      OrdinaryFile(
        tree: tree, number: number, place: place, body: .staged(upload), permissions: access.permissions,
        isBacked: isBacked && upload.isShared)
    }
    return OrdinaryHandle(file: file, writes: access.changes).opened
  }

  private func requireChangeable() throws(FileSystemError) {
    if tree.records.isReader { throw FileSystemError(.readOnlyFile) }
    // What is new in a version may still be written to while somebody has it open.
    if try recorded().blob != nil { try tree.requireChangeable(place) }
  }

  /// Opens what is recorded.
  func handle(writes: Bool) throws(FileSystemError) -> OrdinaryHandle {
    var isMade = false
    let file = try tree.ordinary.open(place, forWriting: writes) { number throws(FileSystemError) in
      isMade = true
      return OrdinaryFile(
        tree: tree, number: number, place: place, body: try body(), permissions: try recorded().permissions)
    }
    let handle = OrdinaryHandle(file: file, writes: writes)
    // The record may have changed before the file was known to be open.
    guard isMade, case .stored(let old, _) = file.current.body else { return handle }
    do throws(FileSystemError) {
      if try recorded() != old { try file.refresh(try body()) }
    } catch {
      handle.release()
      throw error
    }
    return handle
  }

  private func body() throws(FileSystemError) -> OrdinaryFile.Body {
    if let name = try recorded().upload { return .staged(try tree.step(try tree.records.uploads.reopen(name))) }
    let (file, view) = try tree.opening(recorded) { (file) throws(StoreError) in try tree.registry.views.open(file) }
    return .stored(file, view)
  }

  private func recorded() throws(FileSystemError) -> FolderFile {
    let file = try tree.recordedFile(at: place)
    guard file.link == nil else { throw FileSystemError(.missing) }
    return file
  }
}

/// An ordinary file that was removed, and that somebody still has open.
struct RemovedEntry: TreeFile {
  let tree: MountedTree
  let number: UInt64

  private var file: OrdinaryFile {
    get throws(FileSystemError) {
      guard let file = tree.ordinary[removed: number] else { throw FileSystemError(.stale) }
      return file
    }
  }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) { try file.describe(&attributes) }

  func setSize(_ size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try file.cut(to: size, isInterrupted)
  }

  func setModified(_ time: Int64) throws(FileSystemError) { try file.setModified(time) }

  func setPermissions(_ permissions: UInt32) throws(FileSystemError) { try file.setPermissions(permissions) }

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile { throw FileSystemError(.stale) }
}

/// An ordinary file that a program has open.
struct OrdinaryHandle: OpenHandle {
  let file: OrdinaryFile
  let writes: Bool

  /// What the kernel is told.
  var opened: OpenFile {
    var backing: CInt?
    let facts = file.current
    if facts.isBacked, case .staged(let upload) = facts.body { backing = upload.file.descriptor.rawValue }
    return OpenFile(
      handle: file.tree.handles.insert(self), caching: facts.opens > 1 ? .sharedAlready : .shared, backing: backing)
  }

  var copySource: CopySource? {
    guard case .stored(let file, let view) = file.current.body else { return nil }
    return CopySource(view: view, node: self.file.node, file: file)
  }

  func read(offset: Int, count: Int) throws(FileSystemError) -> [Stretch] {
    try file.read(offset: offset, count: count)
  }

  func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, by caller: Caller, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try file.write(bytes, at: offset, isInterrupted)
  }

  func allocate(offset: Int, count: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try file.change(isInterrupted) { (file) throws(PosixError) in try file.allocate(offset: offset, count: count) }
  }

  func copyRange(from source: CopySource, offset: Int, count: Int) throws(FileSystemError) -> Int {
    try file.copyRange(from: source, offset: offset, count: count)
  }

  func synchronize(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try file.synchronize(isInterrupted)
  }

  func flush(_ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    if writes { try file.flush(isInterrupted) }
  }

  func release() {
    if writes { file.tree.ordinary.endWriting(file) }
    let facts = file.current
    // Before it is closed: whoever opens it again finds it as it will be.
    if facts.writers == 0, facts.place?.purpose != .temporary {
      do throws(FileSystemError) {
        try file.commit { false }
      } catch {
        file.tree.logger.warning("\(facts.place?.description ?? "a removed file"): \(error)")
      }
    }
    if file.tree.ordinary.close(file) { file.end() }
  }
}
