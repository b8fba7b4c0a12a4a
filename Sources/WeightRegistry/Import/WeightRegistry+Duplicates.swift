import BlobStore
import Logging
import PosixIO
import Tensors

extension WeightRegistry {
  /// Lets the index take over what has changed in the store.
  func updateIndex(progress: @escaping ProgressHandler = { _, _, _ in true }) throws(RegistryError) {
    let start = ContinuousClock.now
    let count = try index.update(table: { (digest) throws(RegistryError) in try table(digest) }, progress: progress)
    guard count > 0 else { return }
    let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
    logger.info("index: \(count) manifests taken over in \(milliseconds) ms")
  }

  /// The table of a stitched file that is in the store already; nil if it is not as whole as the index believes.
  func reuse(_ original: Manifest.Original) throws(RegistryError) -> Table? {
    do throws(RegistryError) {
      let table = try table(original.table)
      for pack in table.packs where try !isWhole(pack) { return nil }
      return table
    } catch {
      guard case .damaged = error.code else { throw error }
      return nil
    }
  }

  /// Which of the given storages the store has already, and where: as few packs as possible.
  ///
  /// The index names packs; the segments come from a table, and the bytes are read, so that neither an index that is wrong nor
  /// a disk that has lost something can take the place of what somebody imports.
  func storedStorages(
    _ keys: [StorageKey], _ progress: @escaping RangeScanner.Progress
  ) throws(RegistryError) -> [StorageKey: StoredStorage] {
    var wanted = Set(keys)
    var stored: [StorageKey: StoredStorage] = [:]
    for (blob, tables) in index.packs(holding: wanted) {
      guard let pack = try pack(blob, in: tables) else { continue }
      var found: [(key: StorageKey, segment: Int)] = []
      for (index, segment) in pack.segments.segments.enumerated() {
        let key = StorageKey(digest: segment.digest, byteCount: segment.byteCount)
        if wanted.remove(key) != nil { found.append((key, index)) }
      }
      let file = try openBlob(blob)
      let checksums = try posix(
        try RangeScanner(file, progress: progress)
          .checksums(of: found.map { pack.segments.segments[$0.segment].range }))
      for ((key, segment), checksum) in zip(found, checksums) {
        if checksum.digest == key.digest {
          stored[key] = StoredStorage(pack: pack, segment: segment)
        } else {
          logger.error(
            "blob \(blob) is damaged; what is imported with the same tensors is stored anew: run tantra validate")
          wanted.insert(key)
        }
      }
    }
    return stored
  }

  /// A pack with its segments, as one of the tables has them; nil if none does, or the pack is not there.
  private func pack(_ blob: Digest, in tables: [Digest]) throws(RegistryError) -> Table.Pack? {
    for digest in tables {
      do throws(RegistryError) {
        if let pack = try table(digest).packs.first(where: { $0.blob == blob }) {
          return try isWhole(pack) ? pack : nil
        }
      } catch {
        guard case .damaged = error.code else { throw error }
      }
    }
    return nil
  }

  private func isWhole(_ pack: Table.Pack) throws(RegistryError) -> Bool {
    guard try blobStore(try store.blobs.contains(pack.blob)) else { return false }
    let file = try openBlob(pack.blob)
    return try posix(try file.status()).size == pack.segments.byteCount
  }
}
