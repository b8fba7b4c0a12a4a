import Logging
import PosixIO
import StoreRecords
import SystemPackage
import Tensors
import WeightRegistry

/// An ordinary file as the tree shows it.
struct OrdinaryEntry: TreeEntry {
  let tree: MountedTree
  let place: FilePlace

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    if let file = tree.ordinary[place] { return try file.describe(&attributes) }
    let file = try recorded()
    (attributes.size, attributes.modified) = (file.byteCount, file.modified)
    (attributes.permissions, attributes.changed) = (file.properties.permissions, file.properties.changed)
    guard let name = file.upload else { return }
    // The record was written when the upload was begun.
    if let status = try tree.step(try tree.records.uploads.status(of: name)) { return attributes.take(status) }
    // It has become a blob meanwhile.
    if try recorded().upload == name { throw FileSystemError(.missing, "\(place): \(name) is missing in the store") }
    try describe(&attributes)
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

  func properties() throws(FileSystemError) -> FileProperties? { try recorded().properties }

  func changeProperties(_ change: PropertyChange) throws(FileSystemError) {
    let old = try recorded().properties
    if try change(old) == old { return }
    try requireChangeable()
    let handle = try handle(writes: false)
    defer { handle.release() }
    try handle.file.changeProperties(change)
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
      return try handle.opened()
    } catch {
      handle.release()
      throw error
    }
  }

  /// Makes a file that is not there, and opens it.
  func create(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    let isBacked = place.purpose == .temporary
    let properties = FileProperties(permissions: access.permissions)
    let upload = try tree.step(try tree.records.uploads.begin(sharing: isBacked))
    try tree.filling(upload) { () throws(FileSystemError) in
      try tree.ordinary.changing(place) { () throws(FileSystemError) in
        try OrdinaryNames(tree: tree).record(upload, at: place, properties)
      }
    }
    try tree.additions.note(place, in: tree)
    let file = try tree.ordinary.open(place, forWriting: access.changes) { number in
      OrdinaryFile(
        tree: tree, number: number, place: place, body: .staged(upload), properties: properties,
        isBacked: isBacked && upload.isShared)
    }
    return try OrdinaryHandle(file: file, writes: access.changes).opened()
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
        tree: tree, number: number, place: place, body: try body(), properties: try recorded().properties)
    }
    let handle = OrdinaryHandle(file: file, writes: writes)
    // The record may have changed before the file was known to be open.
    guard isMade else { return handle }
    do throws(FileSystemError) {
      let (found, record) = (file.current.body, try recorded())
      if !found.isRecorded(as: record) { try file.refresh(found, with: try body()) }
    } catch {
      handle.release()
      throw error
    }
    return handle
  }

  private func body() throws(FileSystemError) -> OrdinaryFile.Body {
    while let name = try recorded().upload {
      if let upload = try tree.step(try tree.records.uploads.reopen(name)) { return .staged(upload) }
      // It has become a blob meanwhile; or a daemon was killed before it could record that.
      if try recorded().upload == name { return .staged(try copied(name)) }
    }
    let (file, view) = try tree.opening(recorded) { (file) throws(StoreError) in try tree.registry.views.open(file) }
    return .stored(file, view)
  }

  /// A copy of an upload that is a blob already, in its place.
  private func copied(_ name: String) throws(FileSystemError) -> Upload {
    let uploads = tree.records.uploads
    let old = try tree.step(try uploads.open(name))
    let copy = try tree.step(try uploads.begin())
    try tree.filling(copy) { () throws(FileSystemError) in
      try tree.step(try tree.registry.views.open(old)).copy(to: copy.file) { false }
      try tree.step(try posix(try copy.file.setModified(try old.file.status().modified)))
      try OrdinaryNames(tree: tree).record(copy, at: place, try recorded().properties)
    }
    return copy
  }

  private func recorded() throws(FileSystemError) -> FolderFile {
    let file = try tree.recordedFile(at: place)
    guard file.link == nil else { throw FileSystemError(.missing) }
    return file
  }
}

/// An ordinary file that was removed, and that somebody still has open.
struct RemovedEntry: TreeEntry {
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

  func properties() throws(FileSystemError) -> FileProperties? { try file.current.properties }

  func changeProperties(_ change: PropertyChange) throws(FileSystemError) { try file.changeProperties(change) }

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile { throw FileSystemError(.stale) }
}

/// An ordinary file that a program has open.
struct OrdinaryHandle: OpenHandle {
  let file: OrdinaryFile
  let writes: Bool

  /// What the kernel is told. It is not told of a file that is becoming a blob, which nobody can write to.
  func opened() throws(FileSystemError) -> OpenFile {
    var backing: CInt?
    if file.current.isBacked {
      try file.inTurn { () throws(FileSystemError) in
        let facts = file.current
        if facts.isBacked, case .staged(let upload) = facts.body { backing = upload.file.descriptor.rawValue }
      }
    }
    return OpenFile(
      handle: file.tree.handles.insert(self), caching: file.current.opens > 1 ? .sharedAlready : .shared,
      backing: backing)
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
    let facts = file.tree.ordinary.beginClosing(file, writes: writes)
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
