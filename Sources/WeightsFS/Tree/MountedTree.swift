import BlobStore
import DerivedViews
import Glibc
import Logging
import PosixIO
import StoreRecords
import Synchronization
import SystemPackage
import Tensors
import WeightFormats
import WeightRegistry

/// What the folders and files of a mount share: the store, and tables of what the kernel and programs have of it.
///
/// The tables lock themselves, one at a time; no lock is held while a file is read or a request is carried out.
final class MountedTree: Sendable {
  let registry: WeightRegistry
  let derived: DerivedCatalogue
  let controls: [any ControlFile]
  let metrics = Metrics()
  let inodes = InodeTable()
  let handles = HandleTable()
  let writers = WriterTable()
  let fillers = FolderFillers()
  let ordinary = OrdinaryFiles()
  let temporaryLinks = TemporaryLinks()
  let additions = Additions()
  let quarantine = Quarantine()
  let refusals = Refusals()
  let logger: Logger
  /// When this mount began: the mtime of what has no other, in nanoseconds since 1970.
  let started = Timestamp.now()

  init(
    registry: WeightRegistry, events: EventLog, logger: Logger, status: @escaping @Sendable () -> String
  ) {
    self.registry = registry
    derived = DerivedCatalogue(registry)
    self.logger = logger
    controls = ControlFileCatalogue.files(registry: registry, events: events, metrics: metrics, status: status)
  }

  var records: RecordStore { registry.records }
  var readmes: PlainReadmes { PlainReadmes(records) }

  /// Runs a step of the registry; what fails for a reason that nobody could expect goes to the log.
  @discardableResult
  func step<R>(_ body: @autoclosure () throws(StoreError) -> R) throws(FileSystemError) -> R {
    do throws(StoreError) {
      return try body()
    } catch {
      if case .damaged = error.code { logger.error("\(error.message)") }
      throw FileSystemError(error)
    }
  }

  // MARK: Nodes

  func node(_ inode: InodeNumber) throws(FileSystemError) -> Node {
    guard let node = inodes.node(inode) else { throw FileSystemError(.missing) }
    return node
  }

  func folder(_ inode: InodeNumber) throws(FileSystemError) -> any TreeFolder {
    guard let folder = try node(inode).entry(in: self) as? any TreeFolder else { throw FileSystemError(.notDirectory) }
    return folder
  }

  /// What `stat` tells of a node. Reads at most a manifest; never a table, never tensor data.
  func attributes(of node: Node) throws(FileSystemError) -> FileAttributes {
    var attributes = FileAttributes(
      inode: inodes.number(of: node), kind: node.kind, size: 0, permissions: node.kind.permissions, modified: started,
      // Nobody tells a reader's kernel that another process has changed the store: it has to ask.
      isCacheable: !records.isReader)
    try node.entry(in: self).describe(&attributes)
    attributes.accessed = inodes.accessed(node)
    return attributes
  }

  /// What is told of a node, with one lookup more.
  func item(_ node: Node) throws(FileSystemError) -> DirectoryItem {
    var attributes = try attributes(of: node)
    attributes.inode = inodes.lookUp(node)
    if node.isUnchanging { inodes.remember(attributes) }
    // Whoever fills the folder must not find the name in what the kernel remembers for others.
    if case .view(let model, let version, _, _) = node, fillers.isFilling(model, version) {
      attributes.isCacheable = false
    }
    return DirectoryItem(attributes: attributes)
  }

  // MARK: What there is

  func hasModel(_ model: ModelName) -> Bool { records.hasFolder(model) }

  func hasVersion(_ model: ModelName, _ version: VersionName) -> Bool { records.hasFolder(model, version) }

  /// mtime of a model's folder, in nanoseconds since 1970.
  func modified(of model: ModelName) throws(FileSystemError) -> Int64 {
    try step(try records.times.modified(of: model)) ?? started
  }

  /// What a version's folder holds.
  func versionFolder(of model: ModelName, _ version: VersionName) throws(FileSystemError) -> VersionFolder {
    guard hasVersion(model, version), let folder = try step(try records.folder(of: model, version)) else {
      throw FileSystemError(.missing)
    }
    return folder
  }

  /// What is shown at a place in a version's folder; nil for nothing.
  func node(at place: FilePlace) throws(FileSystemError) -> Node? {
    Node(at: place.path, in: try versionFolder(of: place.model, place.version))
  }

  /// Whether a name is that of published weights.
  func isPublishedWeights(_ place: FilePlace) throws(FileSystemError) -> Bool {
    try versionFolder(of: place.model, place.version).isPublishedWeights(place.path)
  }

  /// What is recorded of a file that is no view and no published weight file, or of a link.
  func recordedFile(at place: FilePlace) throws(FileSystemError) -> FolderFile {
    guard case .file(let file) = try versionFolder(of: place.model, place.version).content(at: place.path) else {
      throw FileSystemError(.missing)
    }
    return file
  }

  /// Gives what has a place another mtime, in nanoseconds since 1970; nothing there is no error.
  func setModified(_ time: Int64, at place: FilePlace) throws(FileSystemError) {
    try change(place) { folder in
      folder.content(at: place.path) == nil ? [] : [.setModified(place.path, time, changed: Timestamp.now())]
    }
  }

  /// Changes the folder that a place is in.
  func change(
    _ place: FilePlace, _ interruption: Interruption = .never, _ decide: (VersionFolder) -> [FolderChange]
  ) throws(FileSystemError) {
    do throws(StoreError) {
      try registry.folders.change(place.model, place.version, unless: interruption) { (folder) throws(StoreError) in
        decide(folder)
      }
    } catch {
      throw FileSystemError(error)
    }
  }

  /// Lets `body` fill and hand over an upload, which goes if that fails.
  func filling(_ upload: Upload, _ body: () throws(FileSystemError) -> Void) throws(FileSystemError) {
    do throws(FileSystemError) {
      try body()
    } catch {
      try step(try records.uploads.discard(upload.name))
      throw error
    }
  }

  // MARK: Open files

  /// Opens what a folder names; looks once more if its bytes have gone: they may have been moved since the folder was read.
  ///
  /// - Returns: what was found, and its bytes.
  func opening<Found>(
    _ find: () throws(FileSystemError) -> Found, _ open: (Found) throws(StoreError) -> VersionView
  ) throws(FileSystemError) -> (found: Found, view: VersionView) {
    let found = try find()
    do throws(StoreError) {
      return (found, try open(found))
    } catch {
      switch error.code {
      // What was not finished has become a blob.
      case .damaged, .system(errno: ENOENT): break
      default: throw FileSystemError(error)
      }
      let moved = try find()
      return (moved, try step(try open(moved)))
    }
  }

  /// Hands out a file whose bytes never change.
  ///
  /// - Parameter key: under which its use is counted; nil if it is not.
  func open(_ view: VersionView, _ node: Node, _ key: Metrics.Key? = nil) -> OpenFile {
    OpenFile(
      handle: handles.insert(ViewHandle(view, node, key, metrics)), caching: .immutable,
      backing: view.whole?.localFile?.descriptor.rawValue)
  }

  /// Hands out a file that somebody may write on to.
  func openGrowing(_ view: VersionView, _ node: Node) -> OpenFile {
    OpenFile(handle: handles.insert(ViewHandle(view, node, nil, metrics)), caching: .staging)
  }

  /// Hands out a file in the making.
  func open(_ writer: Writer) -> OpenFile {
    let upload = writer.current.upload
    return OpenFile(
      handle: handles.insert(WriterHandle(writer: writer)), caching: .staging,
      backing: upload.isShared ? upload.file.descriptor.rawValue : nil)
  }

  /// Makes a file in the making for a thread that wants to write to one that is there already, and answers with the error
  /// that lets the thread look for it.
  ///
  /// - Parameters:
  ///   - base: the bytes that are there; nil for those that nobody needs.
  ///   - properties: of a file that is not there yet.
  func reopening(
    _ place: FilePlace, _ base: VersionView?, _ access: OpenAccess, properties: FileProperties = .usual
  ) throws(FileSystemError) -> FileSystemError {
    // What is there already is copied when somebody writes, and the kernel does not tell of writes to a shared file.
    let isFresh = access.truncates || base == nil
    let writer = try beginWriter(
      at: place, sharing: isFresh, isReadable: access.reads, hasTruncated: access.truncates,
      properties: properties)
    if !isFresh, let base { writer.begin(with: base) }
    return expect(writer, at: place, access)
  }

  /// Lets the thread that asked find a file in the making when it looks for the name again, as the error makes it do.
  private func expect(_ writer: Writer, at place: FilePlace, _ access: OpenAccess) -> FileSystemError {
    if let idle = writers.expect(writer, at: place, by: access.caller.pid), let idle = writers[idle] {
      idle.end()
    }
    return FileSystemError(.stale)
  }

  /// Goes on with a file that is not finished, where it is. One that somebody is writing to already is copied, like any other.
  ///
  /// - Returns: as ``reopening(_:_:_:properties:)``.
  func continuing(
    _ upload: String, at place: FilePlace, _ view: VersionView, _ access: OpenAccess
  ) throws(FileSystemError) -> FileSystemError {
    // What becomes a blob cannot be written to any more, but read.
    guard !access.truncates, let kept = try step(try records.uploads.reopen(upload)) else {
      return try reopening(place, view, access)
    }
    let writer = Writer(
      tree: self, number: writers.newNumber(), destination: place, upload: kept, isReadable: access.reads,
      hasTruncated: false)
    let properties = try versionFolder(of: place.model, place.version).content(at: place.path)?.properties
    writer.facts.withLock { facts in
      facts.isDirty = false
      facts.properties = properties ?? .usual
    }
    guard writers.insert(writer, unlessWritten: upload) else { return try reopening(place, view, access) }
    // Its last writer may have made it a blob before this one was known.
    guard try versionFolder(of: place.model, place.version).file(at: place.path)?.upload == upload else {
      writers.remove(writer.number)
      return try reopening(place, view, access)
    }
    return expect(writer, at: place, access)
  }

  /// Begins a file in the making.
  ///
  /// - Parameters:
  ///   - sharing: whether whoever writes may have the file itself.
  ///   - properties: of a file that is not there yet.
  func beginWriter(
    at place: FilePlace, sharing: Bool, isReadable: Bool = true, hasTruncated: Bool,
    properties: FileProperties = .usual
  ) throws(FileSystemError) -> Writer {
    let upload = try step(try records.uploads.begin(sharing: sharing))
    let writer = Writer(
      tree: self, number: writers.newNumber(), destination: place, upload: upload, isReadable: isReadable,
      hasTruncated: hasTruncated)
    let known = try versionFolder(of: place.model, place.version).content(at: place.path)?.properties
    writer.facts.withLock { $0.properties = known ?? properties }
    writers.insert(writer)
    return writer
  }

  /// - Parameters:
  ///   - blob: what the file is; nil if it is no blob.
  ///   - path: names the file in the error.
  ///   - file: its bytes, as they are now.
  /// - Throws: `EACCES` if the file is to be read, and is a pickle that could run code. A file that is cut as it is opened is not
  ///   read.
  func requireHarmless(
    _ blob: Digest?, of model: ModelName, path: String, _ access: OpenAccess,
    file: () throws(FileSystemError) -> VersionView
  ) throws(FileSystemError) {
    guard access.reads, !access.truncates, records.policies(of: model).pickles == .quarantine,
      let reason = try reasonNotToRead(blob, file)
    else { return }
    let error = FileSystemError(
      .forbidden,
      "\(path) is quarantined, for unpickling it could run code: \(reason); "
        + "tantra config \(model) pickles allow lets it be opened")
    logger.warning("\(error.reason)")
    throw error
  }

  /// Why a file must not be read; nil if it may. A file that somebody cuts while it is looked at is looked at again.
  private func reasonNotToRead(
    _ blob: Digest?, _ file: () throws(FileSystemError) -> VersionView
  ) throws(FileSystemError) -> String? {
    var attempts = 16
    while true {
      let now = try file()
      do throws(FormatError) {
        return try quarantine.reason(against: now, blob)
      } catch {
        attempts -= 1
        // Of a remote it is no word about the file if it cannot be read now.
        if blob != nil, !registry.hasParsedWeights { throw FileSystemError(EIO, error.message) }
        if blob != nil || attempts == 0 { return error.message }
      }
    }
  }

  /// - Throws: `EPERM` for a file of a frozen version, unless it is new there.
  func requireChangeable(_ place: FilePlace) throws(FileSystemError) {
    if additions.contains(place, of: try versionFolder(of: place.model, place.version)) { return }
    do throws(StoreError) {
      try registry.freezing.requireChangeable(place.model, place.version)
    } catch {
      throw refuse(FileSystemError(error), at: place)
    }
  }

  // MARK: Refusals

  /// As ``refuse(_:_:_:)``, for a file that is to be made. Of several files with one name the reason tells which.
  func refuse(_ error: FileSystemError, at place: FilePlace) -> FileSystemError {
    var error = error
    if error.reason.hasPrefix("\(place.path): ") { error.reason = "\(place.model)/\(place.version)/\(error.reason)" }
    return refuse(error, place.model, place.version)
  }

  /// Notes why something was refused, for the folder's xattr, and answers with the error.
  func refuse(_ error: FileSystemError, _ model: ModelName, _ version: VersionName) -> FileSystemError {
    if !error.reason.isEmpty { refusals[model, version] = error.reason }
    return error
  }
}

extension FileKind {
  /// Permission bits of what has no others.
  var permissions: UInt32 {
    switch self {
    case .directory: FileProperties.usualOfFolder.permissions
    case .regular: FileProperties.usual.permissions
    case .symbolicLink: 0o777
    }
  }
}
