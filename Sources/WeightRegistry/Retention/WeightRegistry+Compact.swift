import BlobStore
import Logging
import PosixIO
import Synchronization
import Tensors

extension WeightRegistry {
  /// The packs that are mostly dead: no file that is served whole, and less than half of them needed.
  ///
  /// Reads the tables of stitched files, and of those alone, as no other can leave a pack that nobody serves.
  func mostlyDeadPacks(_ manifests: [Manifest]) throws(RegistryError) -> [PackUse] {
    let originals = manifests.flatMap(\.written)
    let served = Set(originals.map(\.blob))
    var uses: [Digest: PackUse] = [:]
    for (digest, packs) in Dictionary(
      manifests.flatMap(\.tables), uniquingKeysWith: { first, _ in first })
    where !served.isSuperset(of: packs) {
      let table = try table(digest)
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

  /// Moves what is needed of mostly dead packs into new ones, and points the versions there. Call it under the record lock.
  ///
  /// New packs are durable before new tables, and those before the manifests, which change one at a time: whenever it ends,
  /// each version has a manifest of which everything is there. What nobody needs any more awaits the next collection.
  ///
  /// - Returns: how many packs were compacted, and the bytes of the new packs and tables.
  func compact(
    _ uses: [PackUse], kept: [BackupRecord], _ progress: @escaping ProgressHandler
  ) throws(RegistryError) -> (count: Int, bytes: Int) {
    // What is moved is copied and then hashed.
    let total = uses.reduce(0) { $0 + 2 * $1.neededByteCount }
    let done = Atomic(0)
    var moves: [Digest: PackMove] = [:]
    for use in uses {
      do throws(RegistryError) {
        moves[use.pack.blob] = try use.compact(in: store.blobs) { count in
          progress(.compacting, min(done.add(count, ordering: .relaxed).newValue, total), total)
        }
      } catch {
        if case .interrupted = error.code { throw error }
        logger.error("pack \(use.pack.blob) was not compacted: \(error.message)")
      }
    }
    guard !moves.isEmpty else { return (0, 0) }
    var moved: [Digest: MovedTable] = [:]
    for model in models {
      for version in try versions(of: model) {
        let manifest = try manifest(of: model, version)
        if let changed = try moving(manifest, moves, &moved) { try replace(changed) }
      }
    }
    for var record in kept {
      guard let changed = try moving(record.manifest, moves, &moved) else { continue }
      record.manifest = changed
      try write(record)
    }
    let packBytes = moves.values.reduce(0) { $0 + $1.pack.segments.byteCount }
    return (moves.count, moved.values.reduce(packBytes) { $0 + $1.byteCount })
  }

  /// The manifest with its tables exchanged; nil if it needs none of the packs.
  private func moving(
    _ manifest: Manifest, _ moves: [Digest: PackMove], _ moved: inout [Digest: MovedTable]
  ) throws(RegistryError) -> Manifest? {
    guard !manifest.blobs.isDisjoint(with: moves.keys) else { return nil }
    var changed = manifest
    for (digest, packs) in manifest.tables where !Set(packs).isDisjoint(with: moves.keys) {
      if moved[digest] == nil {
        let file = manifest.written.first { $0.table == digest }?.blob ?? digest
        let table = try table(digest).moving(moves, file: file)
        let record = try StoreCoding.encode(table, pretty: false)
        moved[digest] = MovedTable(
          digest: try blobStore(try store.blobs.store(record)), packs: table.packs.map(\.blob), byteCount: record.count)
      }
      guard let new = moved[digest] else { continue }
      if changed.table == digest {
        changed.table = new.digest
        if changed.tablePacks != nil { changed.tablePacks = new.packs }
      }
      func follow(_ original: Manifest.Original) -> Manifest.Original {
        guard original.table == digest else { return original }
        var moved = original
        (moved.table, moved.packs) = (new.digest, new.packs)
        return moved
      }
      changed.originals = changed.originals.map(follow)
      changed.parts = changed.parts?.map(follow)
    }
    return changed
  }
}

/// A table that was written because packs of an earlier one have moved.
private struct MovedTable {
  var digest: Digest
  /// The packs that it names.
  var packs: [Digest]
  var byteCount: Int
}

extension Manifest {
  /// All weight files that somebody wrote: originals, and those that keep their names.
  var written: [Original] { originals + (parts ?? []) }

  /// Every table that the version needs, and the packs that each may name.
  var tables: [(Digest, [Digest])] {
    let own = written.map { ($0.table, $0.packs) }
    if own.contains(where: { $0.0 == table }) { return own }
    return own + [(table, tablePacks ?? written.flatMap(\.packs))]
  }
}
