import Logging
import PosixIO
import Synchronization
import SystemPackage
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
      let content = access.reads ? try file.contents() : []
      return OpenFile(handle: handles.insert(.control(ControlSession(file: file, content: content))), caching: .none)
    case .staging(let number): return try openStaging(number, access)
    case .view(let model, let version, let view, let edition):
      let current = Edition(try manifest(model, version).content(of: view))
      guard isWriting || current == edition else { throw FileSystemError(.stale) }
      let opened = try openView(view, model, version)
      if isWriting {
        throw try reopening(FilePlace(model: model, version: version, path: "model.\(view)"), opened, access)
      }
      let key = Metrics.Key(model: model, version: version, view: view)
      return try openFile(opened, node, key)
    case .sidecar(let model, let version, let path, let edition), .kept(let model, let version, let path, let edition):
      let place = FilePlace(model: model, version: version, path: path)
      let (opened, current, judged) = try content(at: place)
      guard isWriting || current == edition else { throw FileSystemError(.stale) }
      if let judged { try requireHarmless(place, judged, opened, access) }
      if isWriting { throw try reopening(place, opened, access) }
      return try openFile(opened, node, nil)
    case .modelFile(let model, let name, let edition):
      guard let (file, opened) = try registryStep(try registry.openModelFile(name, of: model)),
        isWriting || Edition(number: file.edition) == edition
      else { throw FileSystemError(.stale) }
      if isWriting { throw try reopening(.model(model, name: name), opened, access) }
      return try openFile(opened, node, nil)
    case .record(let model, let version, let record):
      if isWriting { throw FileSystemError(.readOnlyFile) }
      let bytes = try contents(of: record, model, version)
      return OpenFile(handle: handles.insert(.snapshot(bytes)), caching: .none)
    default: throw FileSystemError(node.kind == .directory ? .isDirectory : .invalid)
    }
  }

  /// What is kept under a name in a version's folder now, beside the views: its bytes, which edition they are, and for what
  /// could be a pickle, what to judge it by.
  ///
  /// - Throws: `ESTALE` if there is nothing, or a view.
  private func content(at place: FilePlace) throws(FileSystemError) -> (VersionView, Edition, Quarantine.Content?) {
    switch try files(of: place.model, place.version).content(at: place.path) {
    case .blob(let sidecar):
      return (try registryStep(try registry.view(of: sidecar)), Edition(sidecar.blob), .blob(sidecar.blob))
    case .part(let part): return (try registryStep(try registry.view(of: part)), Edition(part.blob), nil)
    case .upload(let file):
      guard case .upload(let name) = file.content else { throw FileSystemError(.stale) }
      let upload = try registryStep(try registry.upload(named: name))
      return (try registryStep(try registry.view(of: upload)), Edition(number: file.uploadNumber), .upload(name))
    default: throw FileSystemError(.stale)
    }
  }

  /// Hands out a file whose bytes never change.
  private func openFile(_ view: VersionView, _ node: Node, _ key: Metrics.Key?) throws(FileSystemError) -> OpenFile {
    let backing: OpenedFile?
    do throws(PosixError) { backing = try view.wholeFile } catch { throw FileSystemError(RegistryError(error)) }
    return OpenFile(
      handle: handles.insert(.view(OpenView(view, node, key))), caching: .immutable,
      backing: backing?.descriptor.rawValue)
  }

  private func openView(_ view: String, _ model: ModelName, _ version: VersionName) throws(FileSystemError)
    -> VersionView
  {
    let clock = ContinuousClock()
    let start = clock.now
    let opened = try registryStep(try registry.view(view, of: model, version))
    metrics.opened(Metrics.Key(model: model, version: version, view: view), in: start.duration(to: clock.now))
    return opened
  }

  /// - Throws: `EACCES` if the file is to be read, and is a pickle that could run code. Who cuts it has nothing to read.
  private func requireHarmless(
    _ place: FilePlace, _ content: Quarantine.Content, _ opened: VersionView, _ access: OpenAccess
  ) throws(FileSystemError) {
    guard access.reads, !access.truncates, registry.policies(of: place.model).pickles == .quarantine,
      let reason = quarantine.reason(against: place.path, content, opened)
    else { return }
    let error = FileSystemError(
      .forbidden,
      "\(place) is quarantined, for unpickling it could run code: \(reason); "
        + "tantra config \(place.model) pickles allow lets it be opened")
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
