import Logging
package import PosixIO
package import StoreRecords

/// Removes versions, backs them up, restores them, and forgets them for good.
package struct Retention: Sendable {
  let records: RecordStore
  let views: ViewCatalogue

  /// Pins a version: it stays restorable, whatever is cleaned up or purged.
  @discardableResult
  package func backup(
    _ model: ModelName, _ version: VersionName, by actor: Actor = .current, unless interruption: Interruption = .never
  ) throws(StoreError) -> BackupRecord {
    let record = try records.transaction(model, backupsOf: version, unless: interruption) {
      (records, backups) throws(StoreError) in
      let manifest = try records.manifest(version)
      // A second one would keep nothing more, and would have to be taken away, too.
      if let same = backups.last(where: { $0.isPinned && $0.manifest.isOfSameContent(as: manifest) }) { return same }
      return try records.backUp(manifest, beside: backups, isPinned: true, by: actor)
    }
    records.logger.info("backup: \(model)/\(version) pinned as \(record.fileName)")
    return record
  }

  /// Takes a version out of the tree; it can be restored until it is purged.
  ///
  /// - Throws: `inUse` for the active version and for one that an alias points to.
  package func retire(
    _ model: ModelName, _ version: VersionName, by actor: Actor = .current, unless interruption: Interruption = .never
  ) throws(StoreError) {
    try records.transaction(model, backupsOf: version, unless: interruption) { (records, backups) throws(StoreError) in
      try Self.retire(version, in: records, beside: backups, by: actor)
    }
  }

  /// Takes all versions of a model out of the tree, with `active` and all other links. The versions can be restored until they
  /// are purged.
  ///
  /// - Returns: the versions, in natural order.
  package func retireAll(
    of model: ModelName, by actor: Actor = .current, unless interruption: Interruption = .never
  ) throws(StoreError) -> [VersionName] {
    let versions = try records.versions(of: model)
    try records.transaction(model, unless: interruption) { (records) throws(StoreError) in
      try records.configure {
        $0.active = nil
        $0.aliases = [:]
      }
    }
    for version in versions { try retire(model, version, by: actor, unless: interruption) }
    return versions
  }

  /// As ``retire(_:_:by:unless:)``, as a part of something larger.
  static func retire(
    _ version: VersionName, in records: ModelTransaction, beside backups: [BackupRecord], by actor: Actor
  ) throws(StoreError) {
    var manifest = try records.manifest(version)
    try records.requireUnlinked(version)
    // Restoring brings back everything, what was removed file by file too.
    manifest.hidden = nil
    // The record first: after a crash in between the version is in the tree as before, and the record does no harm.
    try records.backUp(manifest, beside: backups, isPinned: false, by: actor)
    try records.retract(version)
    records.log("removed: \(records.model)/\(version); tantra restore brings it back until it is purged")
  }

  /// Keeps the edition of a version that another is about to replace; it can be restored until it is purged.
  ///
  /// - Parameter isWritten: whether somebody writes the other, and may have written files of it before the weights.
  static func retireEdition(
    of folder: VersionFolder, isWritten: Bool, in records: ModelTransaction, beside backups: [BackupRecord],
    by actor: Actor
  ) throws(StoreError) {
    guard let manifest = folder.edition(replacedAt: isWritten ? Timestamp.now() : nil) else { return }
    let record = try records.backUp(manifest, beside: backups, isPinned: false, isReplaced: true, by: actor)
    records.log(
      "replaced: \(records.model)/\(folder.version); what it was is kept as \(record.edition) until it is purged")
  }

  /// Brings a version back: the one removed last, else from its newest backup; or what is kept under a number. That takes the
  /// place of a version that is there, whose own edition is kept.
  ///
  /// - Throws: `alreadyExists` for a version that is there, unless a number is given; `system(EPERM)` if it is frozen.
  @discardableResult
  package func restore(
    _ model: ModelName, _ version: VersionName, number: Int? = nil, by actor: Actor = .current,
    unless interruption: Interruption = .never
  ) throws(StoreError) -> Manifest {
    let manifest = try records.transaction(model, backupsOf: version, unless: interruption) {
      (records, backups) throws(StoreError) in
      let there = try records.folder(version)
      if there?.isPublished == true, number == nil {
        throw StoreError(
          .alreadyExists,
          "\(model)/\(version) exists; remove it before you restore an earlier one, or restore \(version)@NUMBER in its place"
        )
      }
      if backups.isEmpty, !self.records.contains(model) {
        let kept = try self.records.backups.models()
        if !kept.contains(model) { throw self.records.unknown(model) }
      }
      let record = try Self.record(number, of: version, in: records, backups)
      // The files of a draft that lies there stay.
      var folder = VersionFolder(record.manifest)
      if let there, there.isPublished {
        try Freezing(records: self.records).requireChangeable(model, version)
        try Self.retireEdition(of: there, isWritten: false, in: records, beside: backups, by: actor)
      } else {
        for file in there?.publishedFiles ?? [] {
          guard folder.file(at: file.path).map({ $0.content == file.content }) ?? true else {
            throw StoreError(
              .alreadyExists,
              "\(model)/\(version) has another \(file.path) by now; move it away before you restore the version")
          }
          folder.apply(.put(file))
        }
      }
      for file in there?.keptFiles ?? [] { folder.apply(.put(file)) }
      try records.publish(folder, in: record.isCheckpoint ? .checkpoints : .models, switching: .ifNone)
      if !record.isPinned { try records.drop(record) }
      return record.manifest
    }
    records.logger.info("restored: \(model)/\(VersionEdition(version, number)) by user \(actor.uid)")
    return manifest
  }

  /// What is kept of a version: under a number, or what was removed last, or the newest backup.
  private static func record(
    _ number: Int?, of version: VersionName, in records: ModelTransaction, _ backups: [BackupRecord]
  ) throws(StoreError) -> BackupRecord {
    let whole = backups.filter { !records.isLeftover($0) }
    let record =
      number.map { number in whole.first { $0.number == number } } ?? whole.last { !$0.isPinned } ?? whole.last
    guard let record else {
      throw nothingKept(of: records.model, VersionEdition(version, number))
    }
    return record
  }

  private static func nothingKept(of model: ModelName, _ edition: VersionEdition) -> StoreError {
    StoreError(
      .unknownVersion, "nothing is kept of \(model)/\(edition); tantra list-weights --all shows what is")
  }

  /// Forgets removed versions for good, or one backup, removes every blob that no version, backup or upload needs, and compacts packs that
  /// are mostly dead. Everything else goes on meanwhile.
  ///
  /// Files that are open stay readable for those who have them. If a manifest or a backup cannot be read nothing is forgotten
  /// and removed.
  ///
  /// - Parameters:
  ///   - model: nil for all models.
  ///   - version: nil for all versions.
  ///   - number: only what is kept of the version under this number; it may be a backup.
  ///   - age: only what was removed at least that long ago, in nanoseconds.
  ///   - isDryRun: only tells what it would do; that needs no store that is open for writing.
  ///   - progress: may stop it at any time; what has gone by then stays away.
  package func purge(
    _ model: ModelName?, _ version: VersionName?, number: Int? = nil, olderThan age: Int64 = 0, isDryRun: Bool = false,
    by actor: Actor = .current, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> PurgeReport {
    let report = try collect(isDryRun: isDryRun, progress: progress) { record in
      (number.map { $0 == record.number } ?? !record.isPinned)
        && (model ?? record.manifest.model) == record.manifest.model
        && (version ?? record.manifest.version) == record.manifest.version
        && Timestamp.age(of: record.time, at: Timestamp.now()) >= age
    } knowing: { models throws(StoreError) in
      if let model, !records.contains(model), !models.contains(model) { throw records.unknown(model) }
      guard let model, let version else { return }
      let kept = try records.backups(of: model, version)
      if let number, !kept.contains(where: { $0.number == number }) {
        throw Self.nothingKept(of: model, VersionEdition(version, number))
      }
      if kept.isEmpty, try records.folder(of: model, version) == nil { throw records.unknown(version, of: model) }
    }
    if !isDryRun { records.logger.info("purge by user \(actor.uid): \(report.text.dropLast())") }
    return report
  }

  /// Runs a collection when it is its turn.
  func collect(
    isDryRun: Bool = false, progress: @escaping ProgressHandler, forgetting isMeant: (BackupRecord) -> Bool,
    knowing check: ([ModelName]) throws(StoreError) -> Void = { _ in }
  ) throws(StoreError) -> PurgeReport {
    if !isDryRun { try records.requireWriting() }
    let collection = Collection(records: records, views: views, isDryRun: isDryRun, progress: progress)
    return try records.collectionLock.withLock(unless: Interruption(progress)) { () throws(StoreError) in
      try collection.run(forgetting: isMeant, knowing: check)
    }
  }
}

/// What a purge did.
package struct PurgeReport: Sendable, Hashable, Codable {
  /// Removed versions that can no longer be restored, `mamba/v1.0`, and replaced editions, `mamba/v1.0@2`.
  package var purged: [String]
  package var removedBlobs: Int
  /// Bytes of those blobs, without those that compaction wrote.
  package var freedBytes: Int
  /// Packs of which less than half was needed, and that gave way to smaller ones.
  package var compactedPacks = 0
  /// Whether nothing was done yet.
  package var isDryRun = false

  /// A line for people.
  package var text: String {
    let verb = isDryRun ? ("would purge", "remove", "compact", "free") : ("purged", "removed", "compacted", "freed")
    let compacted = compactedPacks > 0 ? " \(verb.2) \(compactedPacks) packs," : ""
    return "\(verb.0) \(purged.isEmpty ? "nothing" : purged.joined(separator: ", ")); "
      + "\(verb.1) \(removedBlobs.counted("blob")),\(compacted) \(verb.3) \(freedBytes) bytes\n"
  }
}
