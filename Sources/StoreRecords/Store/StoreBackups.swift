import PosixIO

/// The backups and removed versions of a store.
package struct StoreBackups: Sendable {
  let records: RecordStore

  /// Those of a model, oldest first within a version.
  package func callAsFunction(
    of model: ModelName, _ version: VersionName? = nil
  ) throws(StoreError) -> [BackupRecord] {
    try all(of: model, version).filter { !isLeftover($0) }
  }

  /// As ``callAsFunction(of:_:)``, with what unfinished commands left.
  ///
  /// - Parameter version: nil for all; records of others are not read then.
  package func all(of model: ModelName, _ version: VersionName? = nil) throws(StoreError) -> [BackupRecord] {
    try records.cache.files.backups(of: model, version)
  }

  /// Whether a removal or a restoration that ended too early left the record.
  package func isLeftover(_ record: BackupRecord) -> Bool {
    record.isLeftover { (version) throws(StoreError) in try records.folder(of: record.manifest.model, version) }
  }

  /// Models that have backups or removed versions.
  package func models() throws(StoreError) -> [ModelName] {
    try posix(try records.store.backups?.names() ?? []).compactMap { ModelName($0) }.sorted()
  }

  /// The editions of a model that can be restored. By their names alone.
  package func editions(of model: ModelName) throws(StoreError) -> Set<VersionEdition> {
    guard let names = try ifThere(try records.store.backups?.folder(model.text).names() ?? []) else { return [] }
    return Set(names.compactMap { BackupRecord.parse(fileName: $0).map { VersionEdition($0.version, $0.number) } })
  }
}

extension RecordStore {
  package var backups: StoreBackups { StoreBackups(records: self) }
}
