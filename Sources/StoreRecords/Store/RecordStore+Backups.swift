import BlobStore
import Glibc
import Logging
import PosixIO
import SystemPackage

/// What is kept of versions that may be gone.
extension RecordStore {
  /// The backups and removed versions of a model, oldest first within a version.
  package func backups(of model: ModelName, _ version: VersionName? = nil) throws(StoreError) -> [BackupRecord] {
    try keptRecords(of: model, version).filter { !isLeftover($0) }
  }

  /// Whether a removal or a restoration that ended too early left the record: what it brings back is still, or again, there.
  package func isLeftover(_ record: BackupRecord) -> Bool {
    guard !record.isPinned, contains(record.manifest.model, record.manifest.version) else { return false }
    do throws(StoreError) {
      guard let folder = try load(record.manifest.model, record.manifest.version, isLocked: false)?.folder else {
        return false
      }
      return folder.completeManifest?.isOfSameContent(as: record.manifest) == true
    } catch {
      // The version is damaged: the record may be what mends it.
      return false
    }
  }

  /// The backups and removed versions of a model, with what unfinished commands left.
  ///
  /// - Parameter version: nil for all; records of others are not read then.
  package func keptRecords(of model: ModelName, _ version: VersionName? = nil) throws(StoreError) -> [BackupRecord] {
    guard let backups = store.backups, try posix(try backups.status(of: model.text)) != nil else { return [] }
    let folder = try posix(try backups.folder(model.text))
    var records: [BackupRecord] = []
    for name in try posix(try folder.names()) {
      guard let (named, number) = BackupRecord.parse(fileName: name), version == nil || named == version else {
        continue
      }
      let bytes: [UInt8]
      do throws(PosixError) {
        bytes = try folder.contents(of: name, limit: limits.manifest)
      } catch  where error.errno == .noSuchFileOrDirectory {
        // It was purged or restored a moment ago.
        continue
      } catch {
        throw StoreError(error)
      }
      var record = try StoreCoding.decode(
        BackupRecord.self, from: bytes,
        what: "\(store.path)/backups/\(model)/\(name), what is kept of \(model)/\(named),")
      try record.manifest.checkConsistency()
      guard record.manifest.model == model, record.manifest.version == named else {
        throw StoreError(.damaged, "backups/\(model)/\(name) is damaged: it is of another version")
      }
      record.number = number
      records.append(record)
    }
    return records.sorted { ($0.manifest.version, $0.number) < ($1.manifest.version, $1.number) }
  }

  /// Models that have backups or removed versions.
  package func modelsWithBackups() throws(StoreError) -> [ModelName] {
    guard let backups = store.backups else { return [] }
    return try posix(try backups.names()).compactMap { ModelName($0) }.sorted()
  }
}

extension Manifest {
  /// Whether two manifests present the same, whatever is hidden and however often they were written.
  package func isOfSameContent(as other: Manifest) -> Bool {
    func normalized(_ manifest: Manifest) -> Manifest {
      var manifest = manifest
      (manifest.revision, manifest.hidden) = (0, nil)
      return manifest
    }
    return normalized(self) == normalized(other)
  }
}

extension ModelTransaction {
  /// Keeps a version, durably.
  @discardableResult
  package func keep(
    _ manifest: Manifest, isPinned: Bool, by actor: Actor
  ) throws(StoreError) -> BackupRecord {
    let records = try store.keptRecords(of: model, manifest.version)
    // What an unfinished removal has left is the record of this one.
    let number = isPinned ? nil : records.first(where: store.isLeftover)?.number
    let last = records.map(\.number).max() ?? 0
    guard last < .max else {
      throw StoreError(.damaged, "backups/\(model) has a record with the last number that there is")
    }
    let record = BackupRecord(
      manifest: manifest, isCheckpoint: place(of: manifest.version) == .checkpoints, isPinned: isPinned,
      time: Timestamp.now(), actor: actor, number: number ?? last + 1)
    try write(record)
    return record
  }

  /// Writes what is kept of a version, durably, in place of the record that has its number.
  package func write(_ record: BackupRecord) throws(StoreError) {
    store.store.blobs.noteNamed(record.manifest.blobs)
    let bytes = try StoreCoding.encode(record, pretty: true)
    guard bytes.count <= store.limits.manifest else {
      throw StoreError(
        .system(errno: EFBIG), "\(model)/\(record.manifest.version) has more files than a record can name")
    }
    let staging = try store.store.stagingForWriting
    let backups = try store.store.forWriting(store.store.backups)
    try posix(try backups.makeFolder(model.text).replace(record.fileName, with: bytes, staging: staging))
  }

  /// Forgets what is kept of a version, durably. Its blobs stay until they are collected.
  package func drop(_ record: BackupRecord) throws(StoreError) {
    let backups = try store.store.forWriting(store.store.backups)
    let folder = try posix(try backups.folder(model.text))
    try posix(try folder.removeFile(record.fileName))
    try posix(try folder.synchronize())
  }
}
