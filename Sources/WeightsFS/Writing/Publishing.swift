import Logging
import PosixIO
import StoreRecords
import WeightFormats
import WeightRegistry

/// Publishes weights at a place in a version's folder.
struct Publishing {
  let tree: MountedTree
  let place: FilePlace
  let isInterrupted: @Sendable () -> Bool

  private var importing: Import { tree.registry.importing }

  /// What a file turned out to be when it was to be published.
  enum Verdict {
    /// Weights, which are published now.
    case published
    /// The beginning of weights, or weights of which a part is missing; and why.
    case unfinished(String)
    /// No weights, under a name that only may be that of weights.
    case ordinary
  }

  /// Imports an upload under the name of a weight file, if it is one.
  ///
  /// - Parameter refusing: whether other weights than those that are published are refused, and make no edition.
  /// - Throws: why it is refused; nothing has changed then.
  func publish(
    _ upload: Upload, modified: Int64, refusing: Bool = false, if condition: PublicationCondition = .folderIsThere()
  ) throws(FileSystemError) -> Verdict {
    let isCertain = place.isWeights
    if !isCertain {
      let claimed = try beginsAsWeights(upload)
      if !claimed { return .ordinary }
    }
    if try isPartlyWritten(upload) { return .unfinished("a part of it was never written") }
    do throws(StoreError) {
      try importing.publish(
        upload, at: place.path, of: place.model, place.version, modified: modified, refusing: refusing, if: condition
      ) { _, _, _ in !isInterrupted() }
      return .published
    } catch {
      switch error.code {
      case .unacceptable(.truncated): return .unfinished(error.message)
      case .unacceptable(let code) where code != .unreadable && !isCertain:
        tree.logger.info("\(place) is kept as an ordinary file: \(error)")
        return .ordinary
      default: throw FileSystemError(error)
      }
    }
  }

  /// Gives the place the bytes of an upload that nobody writes to.
  ///
  /// - Parameter properties: of a file that turns out to be an ordinary one.
  func install(_ upload: Upload, modified: Int64, _ properties: FileProperties) throws(FileSystemError) {
    switch try publish(upload, modified: modified) {
    case .published: return
    case .unfinished(let reason): throw FileSystemError(.invalid, "\(place) is not finished: \(reason)")
    case .ordinary:
      try requireReplaceable()
      try tree.step(
        try tree.registry.folders.keep(
          upload, at: place.path, of: place.model, place.version, modified: modified, properties: properties,
          unless: Interruption(isInterrupted)))
    }
  }

  /// - Throws: `EINVAL` if published weights would give way to a file that is none; `EPERM` for a file of a frozen version.
  func requireReplaceable() throws(FileSystemError) {
    let folder = try tree.versionFolder(of: place.model, place.version)
    if folder.isPublishedWeights(place.path) {
      throw FileSystemError(
        .invalid, "\(place) is published as weights, and what was written is none; remove it first to use its name")
    }
    if folder.isPublished(place.path) { try tree.requireChangeable(place) }
  }

  /// Imports what another weight file is, under the name of one.
  func publish(
    copyOf file: WeightRecord, if condition: PublicationCondition = .folderIsThere()
  ) throws(FileSystemError) {
    try tree.step(
      try importing.publish(
        copyOf: file, at: place.path, of: place.model, place.version, if: condition, unless: Interruption(isInterrupted)
      ))
  }

  /// Publishes what a view of another version has; false if that takes a copy.
  func clone(
    _ view: String, of manifest: Manifest, as newView: String, modified: Int64?,
    if condition: PublicationCondition = .folderIsThere()
  ) throws(FileSystemError) -> Bool {
    try tree.step(
      try importing.clone(
        view, of: manifest, as: newView, of: place.model, place.version, modified: modified, if: condition,
        unless: Interruption(isInterrupted)))
  }

  /// A preallocated safetensors file can look whole while its end was never written; a zip archive ends with its directory.
  private func isPartlyWritten(_ upload: Upload) throws(FileSystemError) -> Bool {
    let file = upload.file
    guard try tree.step(try posix(try file.hasHole())) else { return false }
    return try tree.step(try posix(try file.read(at: 0, count: 2))) != [0x50, 0x4B]
  }

  /// Whether some format claims the file by its first bytes.
  func beginsAsWeights(_ upload: Upload) throws(FileSystemError) -> Bool {
    let source = try tree.step(try posix(try FileSource(upload.file)))
    do throws(FormatError) {
      _ = try WeightFormatCatalogue.format(of: source)
      return true
    } catch {
      if error.code == .unreadable { throw FileSystemError(StoreError(error, file: place.path)) }
    }
    return try tree.step(try OpaqueFormat.format(of: upload.file, named: place.path)) != nil
  }

  // MARK: Sets of shards

  /// Publishes a version if the file that has just come to the place makes its set of shards complete, and their index is right.
  ///
  /// - Parameter undo: run if the set is refused.
  func completeShards(orElse undo: () throws(FileSystemError) -> Void = {}) throws(FileSystemError) {
    guard !place.isInModel, place.purpose == .shard || ShardIndex.names.contains(place.path) else { return }
    let folder = try tree.versionFolder(of: place.model, place.version)
    for name in ShardIndex.names {
      guard case .file(let file) = folder.content(at: name), file.blob != nil, file.byteCount <= ShardIndex.limit,
        let index = try shardIndex(file), let shards = try newShards(of: index, in: folder)
      else { continue }
      // Of a published set one shard may be written again; others that differ come all together.
      let isWhole = shards.count == index.files.count
      do throws(StoreError) {
        try importing.publish(
          shards: shards, as: index, of: place.model, place.version, refusing: !isWhole,
          if: .folderIsThere()
        ) { _, _, _ in !isInterrupted() }
      } catch {
        let failure = FileSystemError(error)
        // What was interrupted is tried again by the next close.
        if failure.errno == FileSystemError.Condition.interrupted.errno { throw failure }
        let isReplacing = folder.manifest?.mainSource == .shards
        // Whoever appends the rest of a shard completes the set.
        if case .unacceptable(.truncated) = error.code, !isReplacing { throw failure }
        if place.purpose == .shard, isReplacing, error.isOfWeights {
          do throws(FileSystemError) { try tree.requireChangeable(place) } catch {
            try undo()
            throw error
          }
          continue
        }
        try undo()
        throw failure
      }
    }
  }

  private func shardIndex(_ file: FolderFile) throws(FileSystemError) -> ShardIndex? {
    let view = try tree.step(try tree.registry.views.open(file))
    do throws(FormatError) {
      return ShardIndex(try view.bytes(at: 0, count: view.byteCount, what: file.path))
    } catch {
      throw FileSystemError(StoreError(error, file: file.path))
    }
  }

  /// The files of a set that are not published yet; nil if some are yet to come.
  private func newShards(of index: ShardIndex, in folder: VersionFolder) throws(FileSystemError) -> [Shard]? {
    var shards: [Shard] = []
    for name in index.files {
      switch folder.content(at: name) {
      case .part: continue
      case .file(let file):
        switch file.content {
        case .upload(let upload):
          let opened = try tree.step(try tree.records.uploads.open(upload))
          shards.append(Shard(name, .upload(opened, modified: file.modified)))
        case .weights(let weights): shards.append(Shard(name, .copy(weights)))
        case .blob, .link: return nil
        }
      default: return nil
      }
    }
    return shards
  }

  /// Undoes what a refused file has changed.
  func putBack(_ before: VersionFolder.Content?) throws(FileSystemError) {
    try tree.change(place) { _ in
      if case .file(let file) = before { return [.put(file)] }
      return [.remove(place.path)]
    }
  }
}

extension StoreError {
  /// Whether the reason is what a state dict holds.
  fileprivate var isOfWeights: Bool {
    switch code {
    case .differentWeights, .unacceptable(.malformed): true
    default: false
    }
  }
}
