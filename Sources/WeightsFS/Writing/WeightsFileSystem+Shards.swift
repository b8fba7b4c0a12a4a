import PosixIO
import WeightFormats
import WeightRegistry

extension WeightsFileSystem {
  /// Publishes a version if the file that has just come makes its set of shards complete.
  func completeShards(
    with place: FilePlace, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    guard place.isShard || ShardIndex.names.contains(place.path) else { return }
    let files = try files(of: place.model, place.version)
    for name in ShardIndex.names {
      guard case .blob(let sidecar) = files.content(at: name), sidecar.byteCount <= ShardIndex.limit else { continue }
      let view = try registryStep(try registry.view(of: sidecar))
      let bytes: [UInt8]
      do throws(FormatError) {
        bytes = try view.bytes(at: 0, count: view.byteCount, what: name)
      } catch {
        throw FileSystemError(RegistryError(error, file: name))
      }
      guard let index = ShardIndex(bytes) else { continue }
      var shards: [(name: String, upload: Upload, modified: Int64)] = []
      var isComplete = true
      for shard in index.files {
        switch files.content(at: shard) {
        case .upload(let file):
          guard case .upload(let upload) = file.content else { continue }
          shards.append((shard, try registryStep(try registry.upload(named: upload)), file.modified))
        case .part: break
        default: isComplete = false
        }
      }
      guard isComplete, !shards.isEmpty else { continue }
      do throws(FileSystemError) {
        try registryStep(
          try registry.publish(shards: shards, among: index.files, of: place.model, place.version) { _, _, _ in
            !isInterrupted()
          })
      } catch {
        // What is published is shown again.
        if files.manifest?.part(place.path) != nil, files.draft?[place.path] != nil {
          try registryStep(try registry.changeDraft(place.model, place.version) { $0.remove(place.path) })
        }
        throw error
      }
    }
  }
}
