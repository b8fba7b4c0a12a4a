import BlobStore
import PosixIO
import Tensors

/// What each version presents and what it costs on disk, from records alone: no tensor data is read.
package struct StoreStatistics: Sendable, Hashable, Codable {
  package struct Version: Sendable, Hashable, Codable {
    package var model: ModelName
    package var version: VersionName
    /// Bytes of all files that a mount shows for it.
    package var presentedBytes: Int
    /// Bytes of the blobs that it needs, each once; some may serve other versions too.
    package var storedBytes: Int
    /// Bytes of the blobs that no other version needs.
    package var ownBytes: Int
    /// Bytes in its packs of tensors that the store holds more than once: in another pack, or twice in one.
    package var duplicatedBytes: Int
  }

  /// In order of models and versions.
  package var versions: [Version]
  /// Bytes of all files that a mount shows.
  package var presentedBytes: Int
  /// Bytes of all blobs.
  package var storedBytes: Int
  /// Bytes of blobs that no listed version needs: what removed and backed-up versions keep, and what awaits collection.
  package var otherBytes: Int
  /// Bytes of tensors that could be saved by storing each of them once.
  package var duplicateBytes: Int
}

extension WeightRegistry {
  /// Adds up what the store presents and holds. Reads every manifest and table.
  package func statistics() throws(RegistryError) -> StoreStatistics {
    var uses: [(model: ModelName, version: VersionName, presented: Int, blobs: Set<Digest>, packs: Set<Digest>)] = []
    var sizes: [Digest: Int] = [:]
    var users: [Digest: Int] = [:]
    /// The tensors in each pack: every stretch that is a storage.
    var storages: [Digest: [Int: SegmentKey]] = [:]
    for model in models {
      for version in try versions(of: model) {
        let manifest = try manifest(of: model, version)
        let blobs = manifest.blobs
        var packs: Set<Digest> = []
        for digest in Set(manifest.originals.map(\.table) + [manifest.table]) {
          let table = try table(digest)
          packs.formUnion(table.packs.map(\.blob))
          for storage in table.storages {
            guard let pack = storage.pack, let index = storage.segment else { continue }
            let segment = table.packs[pack].segments.segments[index]
            storages[table.packs[pack].blob, default: [:]][segment.offset] = SegmentKey(
              digest: segment.digest, byteCount: segment.byteCount)
          }
        }
        for blob in blobs {
          users[blob, default: 0] += 1
          if sizes[blob] == nil { sizes[blob] = try byteCount(of: blob) }
        }
        let presented = manifest.views.values.reduce(0, +) + manifest.sidecars.map(\.byteCount).reduce(0, +)
        uses.append((model, version, presented, blobs, packs))
      }
    }
    var copies: [SegmentKey: Int] = [:]
    for segment in storages.values.flatMap(\.values) { copies[segment, default: 0] += 1 }
    let stored = try blobStore(try store.blobs.storedByteCount())
    return StoreStatistics(
      versions: uses.map { use in
        StoreStatistics.Version(
          model: use.model, version: use.version, presentedBytes: use.presented,
          storedBytes: use.blobs.reduce(0) { $0 + sizes[$1, default: 0] },
          ownBytes: use.blobs.reduce(0) { $0 + (users[$1] == 1 ? sizes[$1, default: 0] : 0) },
          duplicatedBytes: use.packs.flatMap { storages[$0, default: [:]].values }
            .reduce(0) { $0 + (copies[$1, default: 0] > 1 ? $1.byteCount : 0) })
      },
      presentedBytes: uses.map(\.presented).reduce(0, +), storedBytes: stored,
      otherBytes: max(0, stored - sizes.values.reduce(0, +)),
      duplicateBytes: copies.reduce(0) { $0 + ($1.value - 1) * $1.key.byteCount })
  }

  private func byteCount(of blob: Digest) throws(RegistryError) -> Int {
    let file = try openBlob(blob)
    return try posix(try file.status().size)
  }
}

/// The bytes of a storage, wherever they lie.
private struct SegmentKey: Hashable {
  var digest: Digest
  var byteCount: Int
}
