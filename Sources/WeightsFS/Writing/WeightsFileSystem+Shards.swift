import PosixIO
import StoreRecords
import WeightFormats
import WeightRegistry

extension WeightsFileSystem {
  /// Publishes a version if the file that has just come makes its set of shards complete, and their index is right.
  ///
  /// - Parameter before: what was at the place; it is there again if the set is refused.
  func completeShards(
    with place: FilePlace, before: VersionFolder.Content?, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    guard place.purpose == .shard || ShardIndex.names.contains(place.path) else { return }
    let files = try versionFolder(of: place.model, place.version)
    for name in ShardIndex.names {
      guard case .file(let file) = files.content(at: name), file.blob != nil, file.byteCount <= ShardIndex.limit,
        let index = try shardIndex(file), let shards = try newShards(of: index, in: files)
      else { continue }
      do throws(FileSystemError) {
        try registryStep(
          try registry.importing.publish(
            shards: shards, among: index.files, as: index, of: place.model, place.version, if: .folderIsThere()
          ) { _, _, _ in
            !isInterrupted()
          })
      } catch {
        // What was interrupted is tried again by the next close.
        if error.errno != FileSystemError.Condition.interrupted.errno { try putBack(before, at: place) }
        throw error
      }
    }
  }

  private func shardIndex(_ file: FolderFile) throws(FileSystemError) -> ShardIndex? {
    let view = try registryStep(try registry.views.open(file))
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
          let opened = try registryStep(try records.uploads.open(upload))
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
  private func putBack(_ before: VersionFolder.Content?, at place: FilePlace) throws(FileSystemError) {
    try change(place) { _ in
      if case .file(let file) = before { return [.put(file)] }
      return [.remove(place.path)]
    }
  }
}
