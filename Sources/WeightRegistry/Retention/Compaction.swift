import BlobStore
import Logging
import PosixIO
import StoreRecords
import Tensors

/// Moves what is needed of packs that are mostly dead into new ones.
struct Compaction {
  let records: RecordStore
  let progress: ProgressHandler

  /// A table that was written because packs of an earlier one have moved.
  private struct MovedTable {
    var digest: Digest
    /// The packs that it names.
    var packs: [Digest]
    var byteCount: Int
  }

  /// The packs that are mostly dead: no file that is served whole, and less than half of them needed.
  ///
  /// Reads the tables of stitched files, and of those alone, as no other can leave a pack that nobody serves.
  func mostlyDeadPacks(_ manifests: [Manifest]) throws(StoreError) -> [PackUse] {
    let served = Set(manifests.flatMap { $0.weights.map(\.blob) })
    var uses: [Digest: PackUse] = [:]
    for (digest, packs) in Dictionary(
      manifests.flatMap { $0.tables.map { ($0.table, $0.packs) } }, uniquingKeysWith: { first, _ in first })
    where !served.isSuperset(of: packs) {
      let table = try records.table(digest)
      let needed = table.neededSegments
      for (index, pack) in table.packs.enumerated() where !served.contains(pack.blob) {
        uses[pack.blob, default: PackUse(pack: pack)].needed.merge(
          needed[index].map { ($0, nil) }, uniquingKeysWith: { known, _ in known })
      }
      for tensor in table.stateDict.tensors {
        let storage = table.storages[tensor.storage]
        guard let pack = storage.pack, let segment = storage.segment else { continue }
        uses[table.packs[pack].blob]?.needed[segment] = .some(tensor)
      }
    }
    return uses.values.filter(\.isMostlyDead).sorted { $0.pack.blob < $1.pack.blob }
  }

  /// Copies what is needed, and points the versions there.
  ///
  /// New packs are durable before new tables, and those before the manifests, which change one at a time: whenever it ends,
  /// each version has a manifest of which everything is there. What nobody needs any more awaits the next sweep.
  ///
  /// - Returns: how many packs were compacted, and the bytes of the new packs and tables.
  func run(_ uses: [PackUse]) throws(StoreError) -> (count: Int, bytes: Int) {
    // What is moved is copied and then hashed.
    let total = uses.reduce(0) { $0 + 2 * $1.neededByteCount }
    let count = counting(.compacting, of: total, progress)
    let pins = records.store.blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    var moves: [Digest: PackMove] = [:]
    for use in uses {
      do throws(StoreError) {
        moves[use.pack.blob] = try use.compact(in: records.store.blobs, pins, progress: count)
      } catch {
        if case .interrupted = error.code { throw error }
        records.logger.error("pack \(use.pack.blob) was not compacted: \(error.message)")
      }
    }
    guard !moves.isEmpty else { return (0, 0) }
    var moved: [Digest: MovedTable] = [:]
    for model in records.models {
      for version in try records.listing(of: model).published.keys.sorted() {
        try follow(moves, of: model, version, &moved, pins)
      }
    }
    for model in try records.backups.models() {
      for record in try records.backups.all(of: model) { try follow(moves, of: record, &moved, pins) }
    }
    let packBytes = moves.values.reduce(0) { $0 + $1.pack.segments.byteCount }
    return (moves.count, moved.values.reduce(packBytes) { $0 + $1.byteCount })
  }

  /// Points a version at the new packs. Its tables are rewritten before; if it has others by then, once more.
  private func follow(
    _ moves: [Digest: PackMove], of model: ModelName, _ version: VersionName, _ moved: inout [Digest: MovedTable],
    _ pins: BlobPins
  ) throws(StoreError) {
    while let manifest = try records.folder(of: model, version)?.manifest,
      let changed = try moving(manifest, moves, &moved, pins)
    {
      let isDone = try records.transaction(model, unless: .init(progress)) { (records) throws(StoreError) in
        guard var folder = try records.folder(version), folder.manifest == manifest else { return false }
        folder.replaceManifest(with: changed)
        try records.publish(folder, in: .models, switching: .never)
        return true
      }
      if isDone { return }
    }
  }

  private func follow(
    _ moves: [Digest: PackMove], of record: BackupRecord, _ moved: inout [Digest: MovedTable], _ pins: BlobPins
  ) throws(StoreError) {
    guard let changed = try moving(record.manifest, moves, &moved, pins) else { return }
    let (model, version) = (record.manifest.model, record.manifest.version)
    try records.transaction(model, backupsOf: version, unless: .init(progress)) {
      (records, backups) throws(StoreError) in
      guard var record = backups.first(where: { $0 == record }) else { return }
      record.manifest = changed
      try records.write(record)
    }
  }

  /// The manifest with its tables exchanged; nil if it needs none of the packs.
  private func moving(
    _ manifest: Manifest, _ moves: [Digest: PackMove], _ moved: inout [Digest: MovedTable], _ pins: BlobPins
  ) throws(StoreError) -> Manifest? {
    guard !manifest.blobs.isDisjoint(with: moves.keys) else { return nil }
    var changed = manifest
    for (digest, packs) in manifest.tables where !Set(packs).isDisjoint(with: moves.keys) {
      if moved[digest] == nil {
        let file = manifest.weights.first { $0.table == digest }?.blob ?? digest
        let table = try records.table(digest).moving(moves, file: file)
        let stored = try table.store(in: records.store.blobs, pins)
        moved[digest] = MovedTable(
          digest: stored.blob, packs: table.packs.map(\.blob), byteCount: stored.byteCount)
      }
      guard let new = moved[digest] else { continue }
      if changed.main?.table == digest {
        changed.main?.table = new.digest
        changed.main?.packs = new.packs
      }
      for index in changed.weights.indices where changed.weights[index].table == digest {
        (changed.weights[index].table, changed.weights[index].packs) = (new.digest, new.packs)
      }
    }
    return changed
  }
}
