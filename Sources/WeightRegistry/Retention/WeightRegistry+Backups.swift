import Logging
import PosixIO

extension WeightRegistry {
  /// The backups and removed versions of a model, oldest first within a version.
  package func backups(
    of model: ModelName, _ version: VersionName? = nil
  ) throws(RegistryError) -> [BackupRecord] {
    try records(of: model, version).filter { !isLeftover($0) }
  }

  /// Whether a removal or a restoration that ended too early left the record: what it brings back is still, or again, there.
  func isLeftover(_ record: BackupRecord) -> Bool {
    guard !record.isPinned, contains(record.manifest.model, record.manifest.version) else { return false }
    do throws(RegistryError) {
      return try manifest(of: record.manifest.model, record.manifest.version) == record.manifest
    } catch {
      // The version is damaged: the record may be what mends it.
      return false
    }
  }

  /// The backups and removed versions of a model, with what unfinished commands left.
  ///
  /// - Parameter version: nil for all; records of others are not read then.
  func records(of model: ModelName, _ version: VersionName? = nil) throws(RegistryError) -> [BackupRecord] {
    guard let backups = store.backups, try posix(try backups.status(of: model.text)) != nil else { return [] }
    let folder = try posix(try backups.folder(model.text))
    var records: [BackupRecord] = []
    for name in try posix(try folder.names()) {
      guard let (named, number) = BackupRecord.parse(fileName: name), version == nil || named == version else {
        continue
      }
      let bytes = try posix(try folder.contents(of: name, limit: 16 << 20))
      var record = try StoreCoding.decode(
        BackupRecord.self, from: bytes,
        what: "\(store.path)/backups/\(model)/\(name), what is kept of \(model)/\(named),")
      try record.manifest.checkConsistency()
      guard record.manifest.model == model, record.manifest.version == named else {
        throw RegistryError(.damaged, "backups/\(model)/\(name) is damaged: it is of another version")
      }
      record.number = number
      records.append(record)
    }
    return records.sorted { ($0.manifest.version, $0.number) < ($1.manifest.version, $1.number) }
  }

  /// Models that have backups or removed versions.
  package func modelsWithBackups() throws(RegistryError) -> [ModelName] {
    guard let backups = store.backups else { return [] }
    return try posix(try backups.names()).compactMap { ModelName($0) }.sorted()
  }

  /// Pins a version: it stays restorable, whatever is cleaned up or purged.
  @discardableResult
  package func backup(
    _ model: ModelName, _ version: VersionName, by actor: Actor = .current
  ) throws(RegistryError) -> BackupRecord {
    try requireWriting()
    return try withRecordLock { () throws(RegistryError) in
      let record = try keep(try manifest(of: model, version), isPinned: true, by: actor)
      logger.info("backup: \(model)/\(version) pinned as \(record.fileName)")
      return record
    }
  }

  /// Takes a version out of the tree; it can be restored until it is purged.
  ///
  /// - Throws: `inUse` for the active version and for one that an alias points to.
  package func retire(
    _ model: ModelName, _ version: VersionName, by actor: Actor = .current
  ) throws(RegistryError) {
    try requireWriting()
    try withRecordLock { () throws(RegistryError) in
      var manifest = try manifest(of: model, version)
      try requireUnlinked(version, of: model)
      // Restoring brings back everything, what was removed file by file too.
      manifest.hidden = nil
      // Kept before it goes: after a crash in between it is in the tree as before, and the record does no harm.
      _ = try keep(manifest, isPinned: false, by: actor)
      try unpublish(manifest)
      logger.info("removed: \(model)/\(version); tantra restore brings it back until it is purged")
    }
  }

  /// Brings a version back: the one removed last, else from its newest backup.
  @discardableResult
  package func restore(
    _ model: ModelName, _ version: VersionName, by actor: Actor = .current
  ) throws(RegistryError) -> Manifest {
    try requireWriting()
    return try withRecordLock { () throws(RegistryError) in
      guard !contains(model, version) else {
        throw RegistryError(.alreadyExists, "\(model)/\(version) exists; remove it before you restore an earlier one")
      }
      let records = try backups(of: model, version)
      guard let record = records.last(where: { !$0.isPinned }) ?? records.last else {
        throw RegistryError(
          .unknownVersion, "nothing is kept of \(model)/\(version); tantra list-weights --all shows what is")
      }
      try publish(record.manifest, at: record.isCheckpoint ? .checkpoints : .models, activating: false)
      if !record.isPinned { try drop(record) }
      logger.info("restored: \(model)/\(version) by user \(actor.uid)")
      return record.manifest
    }
  }

  /// Names of the links to a version, `active` first.
  func links(to version: VersionName, of model: ModelName) -> [String] {
    (activeVersion(of: model) == version ? ["active"] : [])
      + aliases(of: model).filter { $0.value == version }.map(\.key.text).sorted()
  }

  private func keep(
    _ manifest: Manifest, isPinned: Bool, by actor: Actor
  ) throws(RegistryError) -> BackupRecord {
    let records = try records(of: manifest.model, manifest.version)
    let number = isPinned ? nil : records.first(where: isLeftover)?.number
    let record = BackupRecord(
      manifest: manifest, isCheckpoint: isCheckpoint(manifest.model, manifest.version), isPinned: isPinned,
      time: Timestamp.now(), actor: actor, number: number ?? (records.map(\.number).max() ?? 0) + 1)
    try write(record)
    return record
  }

  /// Writes a record, durably, in place of the one that has its number.
  func write(_ record: BackupRecord) throws(RegistryError) {
    let bytes = try StoreCoding.encode(record, pretty: true)
    let staging = try store.stagingForWriting
    let backups = try store.backupsForWriting
    try posix(
      try backups.makeFolder(record.manifest.model.text).replace(record.fileName, with: bytes, staging: staging))
  }

  /// Forgets what is kept of a version, durably. Its blobs stay until they are collected.
  func drop(_ record: BackupRecord) throws(RegistryError) {
    let backups = try store.backupsForWriting
    let folder = try posix(try backups.folder(record.manifest.model.text))
    try posix(try folder.removeFile(record.fileName))
    try posix(try folder.synchronize())
  }
}
