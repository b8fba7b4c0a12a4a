import PosixIO
import WeightFormats
import WeightRegistry

extension WeightsFileSystem {
  /// Publishes a version if the file that has just come makes its set of shards complete.
  ///
  /// - Parameter before: what was at the place; it is there again if the set is refused.
  func completeShards(
    with place: FilePlace, before: VersionFiles.Content?, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    guard place.isShard || ShardIndex.names.contains(place.path) else { return }
    let files = try files(of: place.model, place.version)
    for name in ShardIndex.names {
      guard case .blob(let sidecar) = files.content(at: name), sidecar.byteCount <= ShardIndex.limit,
        let index = try shardIndex(sidecar), let shards = try newShards(of: index, in: files)
      else { continue }
      do throws(FileSystemError) {
        try registryStep(
          try registry.publish(shards: shards, among: index.files, of: place.model, place.version) { _, _, _ in
            !isInterrupted()
          })
      } catch {
        // What was interrupted is tried again by the next close.
        if error.errno != FileSystemError.Condition.interrupted.errno { try putBack(before, at: place) }
        throw error
      }
    }
  }

  private func shardIndex(_ sidecar: Manifest.Sidecar) throws(FileSystemError) -> ShardIndex? {
    let view = try registryStep(try registry.view(of: sidecar))
    do throws(FormatError) {
      return ShardIndex(try view.bytes(at: 0, count: view.byteCount, what: sidecar.path))
    } catch {
      throw FileSystemError(RegistryError(error, file: sidecar.path))
    }
  }

  /// The files of a set that are not published yet; nil if there are none, or some are yet to come.
  private func newShards(of index: ShardIndex, in files: VersionFiles) throws(FileSystemError) -> [Shard]? {
    var shards: [Shard] = []
    for name in index.files {
      switch files.content(at: name) {
      case .upload(let file):
        guard case .upload(let upload) = file.content else { continue }
        let opened = try registryStep(try registry.upload(named: upload))
        shards.append(Shard(name, .upload(opened, modified: file.modified)))
      case .part(let part):
        if files.draft?.part(name) != nil { shards.append(Shard(name, .copy(part))) }
      default: return nil
      }
    }
    return shards.isEmpty ? nil : shards
  }

  /// Undoes what a refused file has changed.
  private func putBack(_ before: VersionFiles.Content?, at place: FilePlace) throws(FileSystemError) {
    let (model, version, path) = (place.model, place.version, place.path)
    let isPublished = registry.contains(model, version)
    let published = isPublished ? try manifest(model, version).part(path) : nil
    switch before {
    case .blob(let sidecar): try registryStep(try registry.put(sidecar, in: model, version))
    case .part(let part) where part != published:
      try registryStep(try registry.changeDraft(model, version) { $0.put(part) })
    default:
      try registryStep(try registry.changeDraft(model, version) { $0.remove(path) })
      if isPublished, before == nil {
        try registryStep(
          try registry.changeManifest(model, version) { manifest in manifest.sidecars.removeAll { $0.path == path } })
      }
    }
  }
}
