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

  /// Imports an upload under the name of a weight file.
  func publish(
    _ upload: Upload, modified: Int64, if condition: PublicationCondition = .folderIsThere()
  ) throws(FileSystemError) {
    if place.purpose == .part { return try publish(.upload(upload, modified: modified), if: condition) }
    try requireWritten(upload)
    try tree.step(
      try importing.publish(
        upload, at: place.path, of: place.model, place.version, modified: modified, if: condition
      ) { _, _, _ in !isInterrupted() })
  }

  /// Imports a weight file that keeps its name.
  func publish(
    _ source: Shard.Source, if condition: PublicationCondition = .folderIsThere()
  ) throws(FileSystemError) {
    try tree.step(
      try importing.publish(
        shards: [Shard(place.path, source)], among: [place.path], of: place.model, place.version, if: condition
      ) { _, _, _ in !isInterrupted() })
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
  private func requireWritten(_ upload: Upload) throws(FileSystemError) {
    let file = upload.file
    guard try tree.step(try posix(try file.hasHole())) else { return }
    if try tree.step(try posix(try file.read(at: 0, count: 2))) == [0x50, 0x4B] { return }
    throw FileSystemError(
      .invalid, "\(place) is not finished: a part of it was never written; close it when all is there")
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
      do throws(FileSystemError) {
        try tree.step(
          try importing.publish(
            shards: shards, among: index.files, as: index, of: place.model, place.version, if: .folderIsThere()
          ) { _, _, _ in !isInterrupted() })
      } catch {
        // What was interrupted is tried again by the next close.
        if error.errno != FileSystemError.Condition.interrupted.errno { try undo() }
        throw error
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
        case .blob: return nil
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
