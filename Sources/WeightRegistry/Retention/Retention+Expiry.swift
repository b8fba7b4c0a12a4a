import PosixIO
package import StoreRecords

/// When removed versions have been restorable for long enough.
extension Retention {
  /// When a removed version may go for good, in nanoseconds since 1970; nil if it stays: a backup does, and what its model's policy keeps
  /// forever.
  private func expiry(of record: BackupRecord) -> Int64? {
    guard !record.isPinned,
      let span = records.policies(of: record.manifest.model).restorable(isCheckpoint: record.isCheckpoint)
    else { return nil }
    let (time, overflow) = record.time.addingReportingOverflow(span.nanoseconds)
    return overflow ? nil : time
  }

  private func removedVersions() throws(StoreError) -> [BackupRecord] {
    var removed: [BackupRecord] = []
    for model in try records.backups.models() {
      removed += try records.backups.all(of: model).filter { !$0.isPinned }
    }
    return removed
  }

  /// When the next removed version may go for good; nil if none will.
  package func nextExpiry() throws(StoreError) -> Int64? { try removedVersions().compactMap { expiry(of: $0) }.min() }

  /// As ``purge(_:_:olderThan:isDryRun:by:progress:)``: forgets the removed versions whose time has come, and removes what nothing needs.
  package func purgeExpired(progress: @escaping ProgressHandler = { _, _, _ in true }) throws(StoreError) -> PurgeReport
  {
    let now = Timestamp.now()
    return try collect(progress: progress) { record in expiry(of: record).map { $0 <= now } ?? false }
  }

  /// As ``purgeExpired(progress:)``, before its time: forgets the version that was removed first. What a model's policy keeps forever
  /// stays.
  ///
  /// - Returns: nil if there is none.
  package func purgeOldest(
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> PurgeReport? {
    let passing = try removedVersions().filter { expiry(of: $0) != nil }
    guard let oldest = passing.min(by: { $0.time < $1.time }) else { return nil }
    return try collect(progress: progress) { $0 == oldest }
  }
}
