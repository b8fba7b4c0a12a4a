import BlobStore
import Logging
import PosixIO
import StoreRecords
import Synchronization
import Tensors
import WeightRegistry

/// A file of a version that is private to its writer until it is closed: a weight file, one that is not finished or turned out to
/// be none, or a shard that waits for its set.
struct VersionFile: TreeEntry {
  let tree: MountedTree
  let node: Node
  let place: FilePlace

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    let folder = try tree.versionFolder(of: place.model, place.version)
    guard let content = folder.content(at: place.path) else { throw FileSystemError(.missing) }
    attributes.size = content.byteCount(in: folder)
    attributes.modified = content.modified(in: folder)
    if let properties = content.properties {
      (attributes.permissions, attributes.changed) = (properties.permissions, properties.changed)
    }
    guard case .file(let file) = content, let name = file.upload else { return }
    attributes.isCacheable = false
    // Somebody may be going on with it; or it has become a blob meanwhile, and has the size that was recorded.
    if let status = try tree.step(try tree.records.uploads.status(of: name)) { attributes.size = status.size }
  }

  func extendedAttributeNames() -> [String] {
    switch node {
    case .view: ["digest", "tensors", "parameters", "dtypes"]
    case .sidecar: ["digest"]
    default: []
    }
  }

  func extendedAttribute(_ name: String) throws(FileSystemError) -> String? {
    let folder = try tree.versionFolder(of: place.model, place.version)
    switch (node, folder.content(at: place.path)) {
    case (.view(_, _, let view, _), _):
      guard let manifest = folder.manifest else { return nil }
      return name == "digest" ? manifest.content(of: view)?.description : try tree.attribute(name, of: manifest)
    case (.sidecar, .file(let file)) where name == "digest": return file.digest?.description
    default: return nil
    }
  }

  func setSize(_ size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    throw tree.refusalToCut(place.description)
  }

  func setModified(_ time: Int64) throws(FileSystemError) { try tree.setModified(time, at: place) }

  func properties() throws(FileSystemError) -> FileProperties? {
    try tree.versionFolder(of: place.model, place.version).content(at: place.path)?.properties
  }

  func changeProperties(_ change: PropertyChange) throws(FileSystemError) {
    guard let old = try properties() else { return }
    let properties = try change(old)
    if properties == old { return }
    if case .sidecar = node { try tree.requireChangeable(place) }
    // One that has just been closed may still become a blob: its writer must not bring the old ones back.
    for writer in tree.writers.writers(at: place) {
      writer.facts.withLock { $0.properties = properties }
    }
    try tree.change(place) { FolderChange.giving(properties, to: place.path, in: $0) }
  }

  // MARK: Opening

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    let start = ContinuousClock.now
    let (opened, current, content) = try content()
    var key: Metrics.Key?
    if case .view(_, _, let view, _) = node {
      key = Metrics.Key(model: place.model, version: place.version, view: view)
      if let key { tree.metrics.opened(key, in: start.duration(to: .now)) }
    }
    // Who is about to write need not have seen the latest edition: a second `ESTALE` in a row would be an error to the caller.
    guard access.changes || tree.inodes.isSame(current, node) else { throw FileSystemError(.stale) }
    // Weight files that were parsed when they came are data.
    let isParsed = tree.registry.hasParsedWeights
    let (isData, blob): (Bool, Digest?) =
      switch content {
      case .view(let view):
        if isParsed { (true, nil) } else { try original(of: view) }
      case .part(let file): (isParsed && file.table != nil, file.blob)
      case .file(let file): (isParsed && file.weights != nil, file.blob)
      }
    if !isData {
      try tree.requireHarmless(blob, of: place.model, path: place.description, access) { opened }
    }
    guard case .file(let file) = content, place.mayBeWeights else {
      if access.changes { throw try tree.reopening(place, opened, access) }
      return tree.open(opened, node, key)
    }
    if access.changes {
      if let upload = file.upload { throw try tree.continuing(upload, at: place, opened, access) }
      try tree.requireChangeable(place)
      throw try tree.reopening(place, opened, access)
    }
    return file.upload == nil ? tree.open(opened, node, key) : tree.openGrowing(opened, node)
  }

  /// Whether a view is made here, and not somebody's file; and that file.
  private func original(of view: String) throws(FileSystemError) -> (isData: Bool, blob: Digest?) {
    let original = try tree.versionFolder(of: place.model, place.version).manifest?.original(servedAs: view)
    return (original == nil, original?.blob)
  }

  /// What is under the name now: its bytes, its node, and what they are. All three are of one folder, whatever is
  /// published meanwhile.
  ///
  /// - Throws: `ESTALE` if there is nothing.
  private func content() throws(FileSystemError) -> (VersionView, Node, VersionFolder.Content) {
    let (found, view) = try tree.opening { () throws(FileSystemError) in
      try current()
    } _: { (found) throws(StoreError) in
      try tree.registry.views.open(found.content, of: found.folder)
    }
    return (view, Node(found.content, at: place.path, in: found.folder), found.content)
  }

  private func current() throws(FileSystemError) -> (folder: VersionFolder, content: VersionFolder.Content) {
    let folder = try tree.versionFolder(of: place.model, place.version)
    guard let content = folder.content(at: place.path) else { throw FileSystemError(.stale) }
    return (folder, content)
  }
}

/// A file in the making, as whoever looks its name up finds it.
struct StagedFile: TreeEntry {
  let tree: MountedTree
  let number: UInt64

  private var writer: Writer {
    get throws(FileSystemError) {
      guard let writer = tree.writers[number] else { throw FileSystemError(.stale) }
      return writer
    }
  }

  /// Whoever was about to write to a file whose writer has ended meanwhile looks its name up again, and then only once more: what is
  /// there by now is made ready for that.
  private func hasEnded(_ access: OpenAccess) throws(FileSystemError) -> FileSystemError {
    if access.changes, let place = tree.writers.formerPlace(of: number),
      let file = try tree.node(at: place)?.entry(in: tree) as? VersionFile
    {
      _ = try file.open(access)
    }
    return FileSystemError(.stale)
  }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    let writer = try writer
    attributes.size = try tree.step(try writer.byteCount())
    attributes.modified = try tree.step(try writer.modified())
    let properties = writer.current.properties
    attributes.permissions = properties.permissions
    attributes.changed = properties.changed.map { max($0, attributes.modified) }
    attributes.isCacheable = false
  }

  func setSize(_ size: Int, _ isInterrupted: @escaping @Sendable () -> Bool) throws(FileSystemError) {
    try writer.cut(to: size, isInterrupted)
  }

  func setModified(_ time: Int64) throws(FileSystemError) {
    let writer = try writer
    writer.facts.withLock { facts in
      (facts.modified, facts.properties.changed) = (time, Timestamp.now())
    }
    let facts = writer.current
    guard !facts.isDirty, facts.refusal == nil, let place = facts.destination,
      let kept = try tree.node(at: place)
    else { return }
    try kept.entry(in: tree).setModified(time)
  }

  func properties() throws(FileSystemError) -> FileProperties? {
    let facts = try writer.current
    return facts.destination?.isWeights == true ? nil : facts.properties
  }

  func changeProperties(_ change: PropertyChange) throws(FileSystemError) {
    let writer = try writer
    let properties = try change(writer.current.properties)
    writer.facts.withLock { $0.properties = properties }
    let facts = writer.current
    guard !facts.isDirty, facts.refusal == nil, let place = facts.destination, try tree.node(at: place) != nil else {
      return
    }
    try tree.change(place) { FolderChange.giving(properties, to: place.path, in: $0) }
  }

  func open(_ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    guard let writer = tree.writers[number] else { throw try hasEnded(access) }
    // Somebody who only reads has come by the name that another is to find.
    if access.changes || access.caller.pid != 0, tree.writers.claim(number, by: access.caller.pid) {
      return tree.open(writer)
    }
    guard let place = writer.current.destination else { throw FileSystemError(.stale) }
    guard access.changes else {
      throw FileSystemError(.busy, "\(place) is still being written; nobody reads half a file")
    }
    throw try tree.reopening(place, nil, access, properties: writer.current.properties)
  }
}
