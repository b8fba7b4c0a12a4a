import Synchronization
import WeightRegistry

extension WeightsFileSystem {
  package func copyRange(
    from source: HandleNumber, offset: Int, to target: HandleNumber, offset targetOffset: Int, count: Int
  ) throws(FileSystemError) -> Int {
    guard case .writer(let writer) = handles[target], case .view(let open) = handles[source],
      offset == targetOffset
    else { throw FileSystemError(.crossDevice) }
    let (view, node) = (open.view, open.node)
    return try inTurn(writer) { () throws(FileSystemError) in
      let facts = writer.current
      let size = try registryStep(try writer.byteCount())
      // Who reads a shared file reads what is in the staging folder: a clone is not.
      guard !facts.isFrozen, !facts.isSealed, offset == size, facts.clone.map({ $0.source === view }) ?? (size == 0),
        !(facts.upload.isShared && facts.isReadable)
      else {
        throw FileSystemError(.crossDevice)
      }
      let end = min(view.byteCount, offset + min(count, view.byteCount - offset))
      writer.facts.withLock { facts in
        facts.clone = Writer.Clone(source: view, node: node, count: end)
        facts.isDirty = true
        facts.refusal = nil
      }
      return end - offset
    }
  }

  package func makeHardLink(
    to inode: InodeNumber, named name: String, in parent: InodeNumber, caller: Caller,
    isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> DirectoryItem {
    if case .link(let model, let link) = try node(inode), case .model = try node(parent) {
      let target = try target(of: .link(model, link))
      return try makeSymbolicLink(name, in: parent, target: target, caller: caller)
    }
    let place: FilePlace
    switch try destination(of: name, in: try node(parent)) {
    case .version(let found): place = found
    case .model(let model, let name): return try linkModelFile(inode, as: name, of: model, isInterrupted)
    }
    let files = try files(of: place.model, place.version)
    if files.node(at: place.path) != nil, !files.isPublished(place.path) { throw FileSystemError(.exists) }
    let content: VersionFiles.Content?
    switch try node(inode) {
    case .modelFile: throw FileSystemError(.crossDevice)
    case .view(let model, let version, let view, _): content = .view(try manifest(model, version), view: view)
    case .sidecar(let model, let version, let path, _), .kept(let model, let version, let path, _):
      content = try self.files(of: model, version).content(at: path)
    default: throw FileSystemError(.notPermitted, "\(place): only files of versions can be linked")
    }
    guard let content else { throw FileSystemError(.missing) }
    try install(content, at: place, isMove: false, isInterrupted)
    guard let node = try self.node(at: place) else { throw FileSystemError(.missing) }
    return try item(node)
  }

  /// Gives a place the bytes that a file has; at metadata cost where its purpose allows.
  ///
  /// - Parameter isMove: whether the file itself goes afterwards: then an upload need not be copied.
  func install(
    _ content: VersionFiles.Content, at place: FilePlace, isMove: Bool, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    do throws(FileSystemError) {
      let (model, version) = (place.model, place.version)
      let before = try files(of: model, version).content(at: place.path)
      switch (content, place.purpose) {
      case (.view(let manifest, let view), .weights(let newView)):
        if try registryStep(
          try registry.clone(
            view, of: manifest, as: newView, of: model, version, modified: manifest.modified(ofView: view)))
        {
          return
        }
        try installCopy(of: content, at: place, isInterrupted)
      case (.blob(let sidecar), .weights(let view)):
        let upload = try registryStep(try registry.upload(of: sidecar))
        do throws(FileSystemError) {
          try publish(upload, as: view, at: place, modified: sidecar.modified, isInterrupted)
        } catch {
          try registryStep(try registry.discardUpload(named: upload.name))
          throw error
        }
      case (.upload(let file), .weights(let view)) where isMove:
        let upload = try registryStep(try openUpload(file))
        try publish(upload, as: view, at: place, modified: file.modified, isInterrupted)
      case (.blob(let sidecar), .part):
        let upload = try registryStep(try registry.upload(of: sidecar))
        do throws(FileSystemError) {
          try publishPart(.upload(upload, modified: sidecar.modified), at: place, isInterrupted)
        } catch {
          try registryStep(try registry.discardUpload(named: upload.name))
          throw error
        }
      case (.upload(let file), .part) where isMove:
        let upload = try registryStep(try openUpload(file))
        try publishPart(.upload(upload, modified: file.modified), at: place, isInterrupted)
      case (.part(let part), .part): try publishPart(.copy(part), at: place, isInterrupted)
      case (.blob(let sidecar), _): _ = try link(content, at: place, modified: sidecar.modified)
      case (.part(let part), .temporary) where place.isShard:
        _ = try link(content, at: place, modified: part.modified)
      case (.upload(let file), .sidecar) where isMove:
        let upload = try registryStep(try openUpload(file))
        try registryStep(
          try registry.keepSidecar(
            upload, at: place.path, of: model, version, modified: file.modified, isInterrupted: isInterrupted))
      case (.upload(var file), .temporary) where isMove:
        file.path = place.path
        let kept = file
        try registryStep(try registry.changeDraft(model, version) { $0.put(kept) })
      case (.view, _), (.upload, _), (.part, _): return try installCopy(of: content, at: place, isInterrupted)
      }
      try completeShards(with: place, before: before, isInterrupted)
    } catch {
      throw refuse(error, at: .version(place))
    }
  }

  /// Gives a place, not one that is imported, what is stored already; false if that takes a copy.
  func link(
    _ content: VersionFiles.Content, at place: FilePlace, modified: Int64
  ) throws(FileSystemError) -> Bool {
    let (model, version) = (place.model, place.version)
    switch (content, place.purpose) {
    case (.blob(var sidecar), .sidecar):
      (sidecar.path, sidecar.modified) = (place.path, modified)
      let copy = sidecar
      try registryStep(try registry.put(copy, in: model, version))
    case (.blob(var sidecar), .temporary):
      (sidecar.path, sidecar.modified) = (place.path, modified)
      let kept = Draft.File(sidecar)
      try registryStep(try registry.changeDraft(model, version) { $0.put(kept) })
    case (.part(var part), .temporary) where place.isShard:
      (part.view, part.modified) = (place.path, modified)
      let copy = part
      try registryStep(try registry.changeDraft(model, version) { $0.put(copy) })
    default: return false
    }
    return true
  }

  private func openUpload(_ file: Draft.File) throws(RegistryError) -> Upload {
    guard case .upload(let name) = file.content else { throw RegistryError(.damaged, "\(file.path) is no upload") }
    return try registry.upload(named: name)
  }

  private func installCopy(
    of content: VersionFiles.Content, at place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let source: VersionView
    let modified: Int64
    switch content {
    case .view(let manifest, let view):
      source = try registryStep(try registry.view(view, of: manifest.model, manifest.version))
      modified = manifest.modified(ofView: view)
    case .blob(let sidecar):
      source = try registryStep(try registry.view(of: sidecar))
      modified = sidecar.modified
    case .part(let part):
      source = try registryStep(try registry.view(of: part))
      modified = part.modified
    case .upload(let file):
      source = try registryStep(try registry.view(of: try openUpload(file)))
      modified = file.modified
    }
    let writer = try beginWriter(at: .version(place), sharing: false, hasTruncated: true)
    defer { end(writer) }
    let file = writer.current.upload.file
    do throws(RegistryError) {
      try source.copy(to: file, isInterrupted: isInterrupted)
    } catch {
      writer.facts.withLock { $0.isGivenUp = true }
      throw FileSystemError(error)
    }
    writer.facts.withLock { $0.modified = modified }
    try commit(writer, isLast: false, isInterrupted: isInterrupted)
  }
}
