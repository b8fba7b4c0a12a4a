package import Logging
import PosixIO
import StoreRecords
import SystemPackage
package import WeightRegistry

/// The tree of a store: `/<model>/<version>/model.{safetensors,pt,bin}`, `active`, `.files` and `.control`.
///
/// It holds no data: numbers of inodes and handles here, everything else in the registry. Its tables lock themselves, one
/// at a time; no lock is held while a file is read or a request is carried out.
package final class WeightsFileSystem: FileSystem {
  let registry: WeightRegistry
  let controls: [any ControlFile]
  let metrics = Metrics()
  let inodes = InodeTable()
  let handles = HandleTable()
  let writers = WriterTable()
  let temporaryLinks = TemporaryLinks()
  let quarantine = Quarantine()
  let refusals = Refusals()
  let logger: Logger
  /// When this mount began: the mtime of what has no other, in nanoseconds since 1970.
  let started = Timestamp.now()

  /// - Parameter events: what `.control/log` shows.
  package init(registry: WeightRegistry, events: EventLog, logger: Logger) {
    self.registry = registry
    self.logger = logger
    controls = ControlFileCatalogue.files(registry: registry, events: events, metrics: metrics)
    retireInodes()
  }

  var records: RecordStore { registry.records }
  var modelFiles: ModelFiles { ModelFiles(records) }

  func node(_ inode: InodeNumber) throws(FileSystemError) -> Node {
    guard let node = inodes.node(inode) else { throw FileSystemError(.missing) }
    return node
  }

  /// Runs a step of the registry; what fails for a reason that nobody could expect goes to the log.
  @discardableResult
  func registryStep<R>(_ body: @autoclosure () throws(StoreError) -> R) throws(FileSystemError) -> R {
    do throws(StoreError) {
      return try body()
    } catch {
      if case .damaged = error.code { logger.error("\(error.message)") }
      throw FileSystemError(error)
    }
  }

  // MARK: Names

  package func lookup(
    _ name: String, in parent: InodeNumber, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    try registryStep(try registry.refresh())
    let folder = try node(parent)
    guard folder.kind == .directory else { throw FileSystemError(.notDirectory) }
    guard let child = try child(named: name, of: folder, for: caller) else { throw FileSystemError(.missing) }
    return try item(child)
  }

  /// What is told of a node, with one lookup more.
  func item(_ node: Node) throws(FileSystemError) -> DirectoryItem {
    var attributes = try attributes(of: node)
    attributes.inode = inodes.lookUp(node)
    switch node {
    case .view, .sidecar, .modelFile: inodes.remember(attributes)
    default: break
    }
    return DirectoryItem(attributes: attributes)
  }

  package func forget(_ inode: InodeNumber, count: UInt64) { inodes.forget(inode, count: count) }

  package func readLink(_ inode: InodeNumber) throws(FileSystemError) -> String {
    try registryStep(try registry.refresh())
    return try target(of: try node(inode))
  }

  // MARK: Attributes

  package func attributes(of inode: InodeNumber) throws(FileSystemError) -> FileAttributes {
    // A file that is gone from the tree, but still open somewhere, keeps what it had.
    if let known = inodes.attributes(of: inode) { return known }
    return try attributes(of: try node(inode))
  }

  package func volumeStatistics() throws(FileSystemError) -> VolumeStatistics {
    let volume = try registryStep(try records.volume())
    return VolumeStatistics(
      capacity: volume.capacity, free: volume.free, available: volume.available, files: inodes.count)
  }

  // MARK: Files

  package func read(_ handle: HandleNumber, offset: Int, count: Int) throws(FileSystemError) -> [Stretch] {
    switch handles[handle] {
    case .writer(let writer): return [.bytes(try read(writer, offset: offset, count: count)[...])]
    case .view(let open):
      open.stream.advance(to: offset, count: count)
      let stretches = open.view.stretches(offset: offset, count: count)
      if let key = open.key { metrics.read(key, bytes: stretches.reduce(0) { $0 + $1.byteCount }) }
      return stretches
    case .snapshot(let bytes): return [.bytes(bytes.slice(offset: offset, count: count))]
    case .control(let session): return [.bytes(try session.read(offset: offset, count: count))]
    case .directory: throw FileSystemError(.isDirectory)
    case nil: throw FileSystemError(.badHandle)
    }
  }

  /// Requests are short: a longer write is a mistake.
  private static let requestLimit = 4096

  package func write(
    _ handle: HandleNumber, offset: Int, bytes: UnsafeRawBufferPointer, caller: Caller,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Int {
    if case .writer(let writer) = handles[handle] {
      return try write(bytes, to: writer, at: offset, isInterrupted: isInterrupted)
    }
    guard case .control(let session) = handles[handle] else { throw FileSystemError(.badHandle) }
    guard bytes.count <= Self.requestLimit, let text = String(validating: bytes, as: UTF8.self) else {
      throw FileSystemError(
        .invalid, ".control/\(session.file.name): a request is a line of at most 4096 bytes of text")
    }
    let request = text.trimmed
    guard !request.isEmpty else { return bytes.count }
    do throws(ControlFailure) {
      session.replace(try session.file.perform(request, by: caller, isInterrupted: isInterrupted))
    } catch {
      session.replace(error.report)
      var failure = error.error
      failure.reason = ".control/\(session.file.name) \(request): \(failure.reason)"
      throw failure
    }
    return bytes.count
  }

  package func flush(
    _ handle: HandleNumber, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    switch handles[handle] {
    case .writer(let writer): try commit(writer, isLast: false, isInterrupted: isInterrupted)
    case nil: throw FileSystemError(.badHandle)
    default: break
    }
  }

  package func release(_ handle: HandleNumber) {
    switch handles[handle] {
    case .writer(let writer): end(writer)
    case .view(let open):
      open.stream.finish()
      if let key = open.key { metrics.closed(key, after: open.opened.duration(to: .now)) }
    default: break
    }
    handles.remove(handle)
  }

  // MARK: Folders

  package func openDirectory(_ inode: InodeNumber) throws(FileSystemError) -> HandleNumber {
    try registryStep(try registry.refresh())
    let entries = try children(of: try node(inode)).map { name, node in
      DirectoryEntry(name: name, inode: inodes.number(of: node), kind: node.kind)
    }
    return handles.insert(.directory(entries))
  }

  package func readDirectory(
    _ handle: HandleNumber, from start: Int
  ) throws(FileSystemError) -> ArraySlice<DirectoryEntry> {
    guard case .directory(let entries) = handles[handle] else { throw FileSystemError(.badHandle) }
    return entries.dropFirst(max(0, start))
  }

  package func releaseDirectory(_ handle: HandleNumber) { handles.remove(handle) }
}

extension String {
  /// The text without white space at its ends.
  fileprivate var trimmed: String {
    let body = drop { $0.isWhitespace }
    guard let last = body.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(body[...last])
  }
}
