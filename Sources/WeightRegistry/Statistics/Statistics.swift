import BlobStore
package import StoreRecords
import Tensors

/// Adds up what the store presents and holds.
package struct Statistics: Sendable {
  let records: RecordStore

  /// What a version shows and needs.
  private struct Use {
    var model: ModelName
    var version: VersionName
    var presented: Int
    var blobs: Set<Digest>
    var packs: Set<Digest>
  }

  /// Reads every manifest and table. Versions of which some is damaged are left out, and told of.
  package func callAsFunction() throws(StoreError) -> StoreStatistics {
    var uses: [Use] = []
    var damage: [String] = []
    var sizes: [Digest: Int] = [:]
    var packed: [Digest: (standing: CompressionStanding, bases: Set<Digest>)] = [:]
    var users: [Digest: Int] = [:]
    /// The tensors in each pack: every stretch that is a storage.
    var storages: [Digest: [Int: StorageKey]] = [:]
    for model in records.models {
      for version in try records.versions(of: model) {
        do throws(StoreError) {
          let use = try use(of: model, version, &storages)
          for blob in use.blobs where sizes[blob] == nil {
            let opened = try blobStore(try records.store.blobs.open(blob))
            sizes[blob] = opened.packedByteCount ?? opened.byteCount
            var standing = CompressionStanding()
            standing.add(opened)
            if standing.files > 0 { packed[blob] = (standing, opened.bases) }
          }
          for blob in use.blobs { users[blob, default: 0] += 1 }
          uses.append(use)
        } catch  where error.code == .damaged {
          damage.append("\(model)/\(version) is not counted: \(error)")
        }
      }
    }
    var copies: [StorageKey: Int] = [:]
    for segment in storages.values.flatMap(\.values) { copies[segment, default: 0] += 1 }
    let stored = try blobStore(try records.store.blobs.usage()).bytes
    let names = try BlobUsers(records: records).names(of: packed.values.reduce(into: []) { $0.formUnion($1.bases) })
    var statistics = StoreStatistics(
      versions: uses.map { use in
        let compressed = use.blobs.compactMap { packed[$0] }
        var standing = compressed.reduce(into: CompressionStanding()) { $0.add($1.standing) }
        standing.against = Set(compressed.flatMap(\.bases).compactMap { names[$0] }).sorted()
        return StoreStatistics.Version(
          model: use.model, version: use.version, presentedBytes: use.presented,
          storedBytes: use.blobs.reduce(0) { $0 + sizes[$1, default: 0] },
          ownBytes: use.blobs.reduce(0) { $0 + (users[$1] == 1 ? sizes[$1, default: 0] : 0) },
          duplicatedBytes: use.packs.flatMap { storages[$0, default: [:]].values }
            .reduce(0) { $0 + (copies[$1, default: 0] > 1 ? $1.byteCount : 0) },
          compressed: standing)
      },
      presentedBytes: uses.map(\.presented).reduce(0, &+), storedBytes: stored,
      otherBytes: max(0, stored - sizes.values.reduce(0, +)),
      duplicateBytes: copies.reduce(0) { $0 &+ ($1.value - 1) &* $1.key.byteCount })
    statistics.damage = damage
    return statistics
  }

  private func use(
    of model: ModelName, _ version: VersionName, _ storages: inout [Digest: [Int: StorageKey]]
  ) throws(StoreError) -> Use {
    let manifest = try records.manifest(of: model, version)
    var packs: Set<Digest> = []
    for (digest, _) in manifest.tables {
      let table = try records.table(digest)
      packs.formUnion(table.packs.map(\.blob))
      for storage in table.storages {
        guard let pack = storage.pack, let index = storage.segment else { continue }
        let segment = table.packs[pack].segments.segments[index]
        storages[table.packs[pack].blob, default: [:]][segment.offset] = StorageKey(
          digest: segment.digest, byteCount: segment.byteCount)
      }
    }
    return Use(
      model: model, version: version, presented: manifest.figures.presentedBytes, blobs: manifest.blobs, packs: packs)
  }
}
