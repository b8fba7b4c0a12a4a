import BlobStore
import StoreRecords
import Tensors

/// The blobs of a version that may be compressed: packs, weight files that are kept unread, ordinary files. Not tables, which are read
/// whenever a file is opened.
struct VersionBlobs {
  /// Files with fewer bytes are not worth it.
  private static let leastByteCount = 16 << 10

  /// Segment tables by blob; nil for a blob of one segment whose digest nobody has written down.
  private(set) var segments: [Digest: SegmentTable?] = [:]
  /// Bytes of all of them.
  private(set) var byteCount = 0

  /// - Parameter isWanted: which blobs count.
  init(
    of manifest: Manifest, in records: RecordStore, where isWanted: (Digest) throws(StoreError) -> Bool
  ) throws(StoreError) {
    for (digest, packs) in manifest.tables {
      var wanted: Set<Digest> = []
      for pack in packs where try isWanted(pack) { wanted.insert(pack) }
      // A table may be large: it is read only if something is to be done.
      if wanted.isEmpty { continue }
      for pack in try records.table(digest).packs where wanted.contains(pack.blob) {
        add(pack.blob, pack.segments.byteCount, pack.segments)
      }
    }
    for file in manifest.weights where file.table == nil {
      if try isWanted(file.blob) { add(file.blob, file.byteCount, nil) }
    }
    for file in manifest.files + (manifest.earlier ?? []).map(\.file) {
      guard case .blob(let blob, let digest) = file.content, try isWanted(blob) else { continue }
      add(blob, file.byteCount, SegmentTable(whole: file.byteCount, digest))
    }
  }

  private mutating func add(_ blob: Digest, _ count: Int, _ table: SegmentTable?) {
    guard count >= Self.leastByteCount, segments[blob] == nil else { return }
    segments[blob] = .some(table)
    byteCount += count
  }
}
