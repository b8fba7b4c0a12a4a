import BlobStore
import Logging
import PosixIO
import StoreRecords
import Synchronization
import SystemPackage
import Tensors
import WeightRegistry

extension WeightsFileSystem {
  package func open(_ inode: InodeNumber, _ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    let node = try node(inode)
    // Who is about to write need not have seen the latest edition: a second `ESTALE` in a row would be an error to the caller.
    let isWriting = access.writes || access.truncates
    switch node {
    case .controlFile(let name):
      guard let file = controls.first(where: { $0.name == name }) else { throw FileSystemError(.missing) }
      if access.writes, !file.acceptsRequests { throw FileSystemError(.readOnlyFile) }
      return OpenFile(handle: handles.insert(.control(ControlSession(file: file))), caching: .none)
    case .staging(let number): return try openStaging(number, access)
    case .view(let model, let version, let view, let edition):
      let key = Metrics.Key(model: model, version: version, view: view)
      let place = FilePlace(model: model, version: version, path: "model.\(view)")
      let start = ContinuousClock.now
      let (opened, current, _) = try content(at: place)
      metrics.opened(key, in: start.duration(to: .now))
      guard isWriting || current == edition else { throw FileSystemError(.stale) }
      if isWriting { throw try reopening(place, opened, access) }
      return try openFile(opened, node, key)
    case .sidecar(let model, let version, let path, let edition), .kept(let model, let version, let path, let edition):
      let place = FilePlace(model: model, version: version, path: path)
      let (opened, current, content) = try content(at: place)
      guard isWriting || current == edition else { throw FileSystemError(.stale) }
      // Weight files were parsed when they came, and are data.
      if case .file(let file) = content, file.weights == nil {
        try requireHarmless(opened, file.blob, place.model, "\(place)", access)
      }
      if isWriting { throw try reopening(place, opened, access) }
      return try openFile(opened, node, nil)
    case .modelFile(let model, let name, let edition):
      guard let (file, bytes) = try registryStep(try modelFiles.open(name, of: model)),
        isWriting || Edition(number: file.edition) == edition
      else { throw FileSystemError(.stale) }
      let opened = VersionView(bytes, byteCount: file.byteCount)
      try requireHarmless(opened, nil, model, "\(model)/\(name)", access)
      if isWriting { throw try reopening(.model(model, name: name), opened, access) }
      return try openFile(opened, node, nil)
    case .record(let model, let version, let record):
      if isWriting { throw FileSystemError(.readOnlyFile) }
      let bytes = try contents(of: record, model, version)
      return OpenFile(handle: handles.insert(.snapshot(bytes)), caching: .none)
    default: throw FileSystemError(node.kind == .directory ? .isDirectory : .invalid)
    }
  }

  /// What is under a name in a version's folder now: its bytes, which edition they are, and what they are. All three are of one
  /// folder, whatever is published meanwhile.
  ///
  /// - Throws: `ESTALE` if there is nothing.
  private func content(
    at place: FilePlace
  ) throws(FileSystemError) -> (VersionView, Edition, VersionFolder.Content) {
    func current() throws(FileSystemError) -> (VersionFolder, VersionFolder.Content, Edition) {
      let folder = try versionFolder(of: place.model, place.version)
      guard let content = folder.content(at: place.path), let edition = folder.node(at: place.path)?.edition else {
        throw FileSystemError(.stale)
      }
      return (folder, content, Edition(number: edition))
    }
    let (folder, content, edition) = try current()
    do throws(StoreError) {
      return (try registry.views.open(content, of: folder), edition, content)
    } catch {
      // A purge may have moved the bytes since the folder was read.
      guard case .damaged = error.code else { throw FileSystemError(error) }
      let (moved, content, edition) = try current()
      return (try registryStep(try registry.views.open(content, of: moved)), edition, content)
    }
  }

  /// Hands out a file whose bytes never change.
  private func openFile(_ view: VersionView, _ node: Node, _ key: Metrics.Key?) throws(FileSystemError) -> OpenFile {
    OpenFile(
      handle: handles.insert(.view(OpenView(view, node, key))), caching: .immutable,
      backing: view.whole?.localFile?.descriptor.rawValue)
  }

  /// - Parameters:
  ///   - blob: what the file is; nil if it is no blob.
  ///   - path: names the file in the error.
  /// - Throws: `EACCES` if the file is to be read, and is a pickle that could run code. Who cuts it has nothing to read.
  private func requireHarmless(
    _ file: VersionView, _ blob: Digest?, _ model: ModelName, _ path: String, _ access: OpenAccess
  ) throws(FileSystemError) {
    guard access.reads, !access.truncates, records.policies(of: model).pickles == .quarantine else { return }
    guard let reason = quarantine.reason(against: file, blob) else { return }
    let error = FileSystemError(
      .forbidden,
      "\(path) is quarantined, for unpickling it could run code: \(reason); "
        + "tantra config \(model) pickles allow lets it be opened")
    logger.warning("\(error.reason)")
    throw error
  }

  /// Makes a file in the making for a thread that wants to write to one that is there already, and answers with the error
  /// that lets the thread look for it.
  private func reopening(
    _ place: FilePlace, _ base: VersionView?, _ access: OpenAccess
  ) throws(FileSystemError) -> FileSystemError {
    try reopening(.version(place), base, access)
  }

  private func reopening(
    _ place: Destination, _ base: VersionView?, _ access: OpenAccess
  ) throws(FileSystemError) -> FileSystemError {
    // What is there already is copied when somebody writes, and the kernel does not tell of writes to a shared file.
    let isFresh = access.truncates || base == nil
    let writer = try beginWriter(
      at: place, sharing: isFresh, isReadable: access.reads, hasTruncated: access.truncates)
    if !isFresh, let base {
      writer.facts.withLock { facts in
        facts.clone = Writer.Clone(source: base, node: nil, count: base.byteCount)
        // What was not changed need not be committed.
        facts.isDirty = false
      }
    }
    if let idle = writers.expect(writer, at: place, by: access.caller.pid), let idle = writers[idle] { end(idle) }
    return FileSystemError(.stale)
  }

  private func openStaging(_ number: UInt64, _ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    guard let writer = writers[number] else { throw FileSystemError(.stale) }
    if writers.claim(number, by: access.caller.pid) {
      return openFile(writer)
    }
    guard let place = writer.current.place else { throw FileSystemError(.stale) }
    guard access.writes || access.truncates else {
      throw FileSystemError(.busy, "\(place) is still being written; nobody reads half a file")
    }
    throw try reopening(place, nil, access)
  }
}
