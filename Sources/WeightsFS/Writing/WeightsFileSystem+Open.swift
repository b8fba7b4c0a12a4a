import Logging
import PosixIO
import Synchronization
import SystemPackage
import WeightRegistry

extension WeightsFileSystem {
  package func open(_ inode: InodeNumber, _ access: OpenAccess) throws(FileSystemError) -> OpenFile {
    let node = try node(inode)
    switch node {
    case .controlFile(let name):
      guard let file = controls.first(where: { $0.name == name }) else { throw FileSystemError(.missing) }
      if access.writes, !file.acceptsRequests { throw FileSystemError(.readOnlyFile) }
      let content = access.reads ? try file.contents() : []
      return OpenFile(handle: handles.insert(.control(ControlSession(file: file, content: content))), caching: .none)
    case .staging(let number): return try openStaging(number, access)
    case .view(let model, let version, let view, let edition):
      guard edition == Edition(try manifest(model, version).content(of: view)) else { throw FileSystemError(.stale) }
      let opened = try openView(view, model, version)
      if access.writes || access.truncates {
        throw try reopening(FilePlace(model: model, version: version, path: "model.\(view)"), opened, access)
      }
      let key = Metrics.Key(model: model, version: version, view: view)
      return try openFile(opened, node, key)
    case .sidecar(let model, let version, let path, let edition):
      let opened: VersionView
      var sidecar: Manifest.Sidecar?
      switch try files(of: model, version).content(at: path) {
      case .blob(let found) where Edition(found.blob) == edition:
        opened = try registryStep(try registry.view(of: found))
        sidecar = found
      case .part(let part) where Edition(part.blob) == edition: opened = try registryStep(try registry.view(of: part))
      default: throw FileSystemError(.stale)
      }
      let place = FilePlace(model: model, version: version, path: path)
      if let sidecar { try requireHarmless(place, .blob(sidecar.blob), opened, access) }
      if access.writes || access.truncates { throw try reopening(place, opened, access) }
      return try openFile(opened, node, nil)
    case .kept(let model, let version, let path, let edition):
      guard case .upload(let file) = try files(of: model, version).content(at: path),
        case .upload(let name) = file.content, Edition(number: file.uploadNumber) == edition
      else { throw FileSystemError(.stale) }
      let upload = try registryStep(try registry.upload(named: name))
      let opened = try registryStep(try registry.view(of: upload))
      let place = FilePlace(model: model, version: version, path: path)
      try requireHarmless(place, .upload(name), opened, access)
      if access.writes || access.truncates { throw try reopening(place, opened, access) }
      return try openFile(opened, node, nil)
    case .modelFile(let model, let name, let edition):
      guard let (file, opened) = try registryStep(try registry.openModelFile(name, of: model)),
        Edition(number: file.edition) == edition
      else { throw FileSystemError(.stale) }
      if access.writes || access.truncates { throw try reopening(.model(model, name: name), opened, access) }
      return try openFile(opened, node, nil)
    case .record(let model, let version, let record):
      if access.writes || access.truncates { throw FileSystemError(.readOnlyFile) }
      let bytes = try contents(of: record, model, version)
      return OpenFile(handle: handles.insert(.snapshot(bytes)), caching: .none)
    default: throw FileSystemError(node.kind == .directory ? .isDirectory : .invalid)
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
