import BlobStore
import PosixIO
import StoreRecords
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
    let files = try versionFolder(of: place.model, place.version)
    if files.node(at: place.path) != nil, !files.isPublished(place.path) { throw FileSystemError(.exists) }
    let source: VersionFolder
    let path: String
    switch try node(inode) {
    case .modelFile: throw FileSystemError(.crossDevice)
    case .view(let model, let version, let view, _):
      (source, path) = (try versionFolder(of: model, version), "model.\(view)")
    case .sidecar(let model, let version, let name, _), .kept(let model, let version, let name, _):
      (source, path) = (try versionFolder(of: model, version), name)
    default: throw FileSystemError(.notPermitted, "\(place): only files of versions can be linked")
    }
    guard let content = source.content(at: path) else { throw FileSystemError(.missing) }
    try install(content, of: source, at: place, isMove: false, isInterrupted)
    guard let node = try self.node(at: place) else { throw FileSystemError(.missing) }
    return try item(node)
  }

  /// Gives a place the bytes that a file of `source` has; at metadata cost where its purpose allows.
  ///
  /// - Parameter isMove: whether the file itself goes afterwards: then an upload need not be copied.
  func install(
    _ content: VersionFolder.Content, of source: VersionFolder, at place: FilePlace, isMove: Bool,
    _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    do throws(FileSystemError) {
      let before = try versionFolder(of: place.model, place.version).content(at: place.path)
      if try !installStored(content, of: source, at: place, isMove: isMove, isInterrupted) {
        return try installCopy(of: content, of: source, at: place, isInterrupted)
      }
      try completeShards(with: place, before: before, isInterrupted)
    } catch {
      throw refuse(error, at: .version(place))
    }
  }

  /// - Returns: false if that takes a copy.
  private func installStored(
    _ content: VersionFolder.Content, of source: VersionFolder, at place: FilePlace, isMove: Bool,
    _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Bool {
    let (model, version) = (place.model, place.version)
    let interruption = Interruption(isInterrupted)
    switch (content, place.purpose) {
    case (.view(let view), .view(let newView)):
      guard let manifest = source.manifest else { throw FileSystemError(.missing) }
      return try registryStep(
        try registry.importing.clone(
          view, of: manifest, as: newView, of: model, version, modified: manifest.modified(ofView: view),
          if: .folderIsThere(), unless: interruption))
    case (.part(let part), .part): try publishPart(.copy(part), at: place, isInterrupted)
    case (.part(let part), .shard):
      return try link(FolderFile(part), at: place, modified: part.modified, interruption)
    case (.file(let file), _):
      switch (file.content, place.purpose) {
      case (.blob(let blob, _), .view), (.blob(let blob, _), .part):
        let upload = try registryStep(try records.uploads.copy(of: blob))
        do throws(FileSystemError) {
          try publish(upload, at: place, modified: file.modified, isInterrupted)
        } catch {
          try registryStep(try records.uploads.discard(upload.name))
          throw error
        }
      case (.upload(let name), .view) where isMove, (.upload(let name), .part) where isMove:
        let upload = try registryStep(try records.uploads.open(name))
        try publish(upload, at: place, modified: file.modified, isInterrupted)
      case (.upload(let name), .ordinary) where isMove:
        let upload = try registryStep(try records.uploads.open(name))
        try registryStep(
          try registry.folders.keep(
            upload, at: place.path, of: model, version, modified: file.modified, unless: interruption))
      case (.upload, .temporary) where isMove, (.upload, .shard) where isMove:
        let kept = file.moved(to: place.path)
        try change(place, interruption) { _ in [.put(kept)] }
      case (.weights(let weights), .part): try publishPart(.copy(weights), at: place, isInterrupted)
      default: return try link(file, at: place, modified: file.modified, interruption)
      }
    default: return false
    }
    return true
  }

  /// Publishes an upload under the name of a weight file.
  private func publish(
    _ upload: Upload, at place: FilePlace, modified: Int64, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    if place.purpose == .part {
      try publishPart(.upload(upload, modified: modified), at: place, isInterrupted)
    } else {
      try publish(upload, at: place, modified: modified, if: .folderIsThere(), isInterrupted)
    }
  }

  /// Gives a place, not one that is imported, what is stored already; false if that takes a copy.
  func link(
    _ file: FolderFile, at place: FilePlace, modified: Int64, _ interruption: Interruption
  ) throws(FileSystemError) -> Bool {
    switch (file.content, place.purpose) {
    case (.blob, .ordinary), (.blob, .temporary), (.blob, .shard), (.weights, .shard):
      let copy = file.moved(to: place.path, modified: modified)
      try registryStep(try registry.folders.put(copy, in: place.model, place.version, unless: interruption))
      return true
    default: return false
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

  private func installCopy(
    of content: VersionFolder.Content, of source: VersionFolder, at place: FilePlace,
    _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let view = try registryStep(try registry.views.open(content, of: source))
    let writer = try beginWriter(at: .version(place), sharing: false, hasTruncated: true)
    defer { end(writer) }
    let file = writer.current.upload.file
    do throws(FileSystemError) {
      try copy(view, to: file, isInterrupted)
    } catch {
      writer.facts.withLock { $0.isGivenUp = true }
      throw error
    }
    writer.facts.withLock { $0.modified = content.modified(in: source) }
    try commit(writer, isLast: false, isInterrupted: isInterrupted)
  }

  /// Writes the first `count` bytes (nil: all) of a file to the beginning of another.
  func copy(
    _ view: VersionView, count: Int? = nil, to file: OpenedFile, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    do throws(BlobStoreError) {
      try view.copy(count, to: file) { _ in !isInterrupted() }
    } catch {
      throw FileSystemError(StoreError(error))
    }
  }
}
