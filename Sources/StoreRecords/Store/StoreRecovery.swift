/// Completes or removes what a process that ended too early has left in a store, which is open for writing now.
enum StoreRecovery {
  /// - Throws: `olderFormat` if the store has to be upgraded first; nothing has changed then.
  static func run(on records: RecordStore) throws(StoreError) {
    let format = records.formatNumber
    guard format == WeightConfig.currentFormat else {
      throw StoreError(
        .olderFormat,
        "the store at \(records.store.path) has format \(format), which this Tantra reads and does not write: run tantra "
          + "upgrade-store --store \(records.store.path), which can be taken back")
    }
    if try records.cache.recoverJournals(records.uploads, records.logger) {
      try records.store.sweepStaging(keeping: records.uploads.named)
    } else {
      try records.uploads.leaveWhatIsThere()
    }
    // What was about to become active must not become so with a later version of that name.
    for (model, record) in records.cache.withLock({ $0.config.models }) where record.pending != nil {
      try records.transaction(model) { (models) throws(StoreError) in try models.configure { $0.pending = nil } }
    }
  }
}
