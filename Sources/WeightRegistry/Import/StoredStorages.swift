import BlobStore
import Logging
import StoreRecords
import Tensors

/// Finds what the store has already of a file that is being imported.
///
/// The index names packs; the segments come from a table, and the bytes are read, so that neither an index that is wrong nor a disk
/// that has lost something can take the place of what somebody imports.
struct StoredStorages {
  let records: RecordStore
  let pins: BlobPins

  private var blobs: BlobStore { records.store.blobs }

  /// A stitched file that is in the store already, with its table; nil if it is not as whole as the index believes.
  func stitched(_ blob: Digest, _ progress: @escaping RangeScanner.Progress) throws(StoreError) -> (
    WeightRecord, Table
  )? {
    guard let file = records.index.stitched(blob), file.blob == blob, let digest = file.table else { return nil }
    pins.pin(file.blobs)
    do throws(StoreError) {
      let table = try records.table(digest)
      for (index, segments) in table.neededSegments.enumerated() {
        guard try damaged(segments.sorted(), of: table.packs[index], progress).isEmpty else { return nil }
      }
      return (file, table)
    } catch {
      guard case .damaged = error.code else { throw error }
      return nil
    }
  }

  /// Which of the given storages the store has already, and where: as few packs as possible.
  func find(
    _ keys: [StorageKey], _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> StoredPlaces {
    var wanted = Set(keys)
    var stored = StoredPlaces()
    for (blob, tables) in records.index.packs(holding: wanted) {
      pins.pin([blob])
      guard let pack = try pack(blob, in: tables) else { continue }
      var found: [(key: StorageKey, segment: Int)] = []
      for (index, segment) in pack.segments.segments.enumerated() {
        let key = StorageKey(digest: segment.digest, byteCount: segment.byteCount)
        if wanted.remove(key) != nil { found.append((key, index)) }
      }
      let damaged = Set(try damaged(found.map(\.segment), of: pack, progress))
      if damaged.isEmpty {
        stored.add(found, in: pack)
      } else {
        stored.add(found.filter { !damaged.contains($0.segment) }, in: pack)
        for (key, segment) in found where damaged.contains(segment) { wanted.insert(key) }
        records.logger.error(
          "blob \(blob) is damaged; what is imported with the same tensors is stored anew: run tantra validate")
      }
    }
    return stored
  }

  /// Which of a pack's segments are not what they were; all of them if it cannot be read. It is pinned: what is there stays.
  private func damaged(
    _ segments: [Int], of pack: Table.Pack, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> [Int] {
    try blobStore(try blobs.damagedSegments(segments, of: pack.segments, progress: progress)) ?? segments
  }

  /// A pack with its segments, as one of the tables has them; nil if none does.
  private func pack(_ blob: Digest, in tables: [Digest]) throws(StoreError) -> Table.Pack? {
    for digest in tables {
      do throws(StoreError) {
        if let segments = try records.segments(of: blob, in: digest) { return .init(blob: blob, segments: segments) }
      } catch {
        guard case .damaged = error.code else { throw error }
      }
    }
    return nil
  }
}
