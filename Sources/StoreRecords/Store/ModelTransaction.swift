import BlobStore
import Logging
import PosixIO
import Synchronization

/// The records of one model while nobody else changes them: what `RecordStore.transaction(_:unless:_:)` gives. Each change is
/// durable when its call returns, and takes effect then. Nobody may use it after that.
package final class ModelTransaction {
  package let model: ModelName
  let store: RecordStore
  /// What has changed, for those who have to be told.
  private(set) var changes: [RecordChange] = []
  /// Whether those who only read the store have something to look at.
  var concernsReaders: Bool { hasUntold || !changes.isEmpty }
  /// Whether something has changed that nobody in this process has to be told of.
  private var hasUntold = false

  init(_ store: RecordStore, _ model: ModelName) {
    self.store = store
    self.model = model
  }

  var cache: RecordCache { store.cache }
  private var files: RecordFiles { cache.files }

  /// Writes a line to the log.
  package func log(_ message: String) { store.logger.info("\(message)") }

  // MARK: Looking

  /// What a version's folder holds; nil if there is no such version, nor a draft.
  package func folder(_ version: VersionName) throws(StoreError) -> VersionFolder? {
    try cache.folder(of: model, version)?.folder ?? store.emptyOwnFolder(model, version)
  }

  /// The folder of a published version.
  ///
  /// - Throws: `unknownModel`; `unknownVersion`.
  package func published(_ version: VersionName) throws(StoreError) -> VersionFolder {
    let listing = try cache.listing(of: model)
    guard listing.published[version] != nil, let folder = try folder(version) else {
      throw listing.published.isEmpty ? store.unknown(model) : store.unknown(version, of: model)
    }
    return folder
  }

  /// The manifest of a version, with all that has changed since it was written.
  package func manifest(_ version: VersionName) throws(StoreError) -> Manifest {
    guard let manifest = try published(version).completeManifest else { throw store.unknown(version, of: model) }
    return manifest
  }

  package func contains(_ version: VersionName) -> Bool { store.contains(model, version) }
  package func manifestFolder(of version: VersionName) -> ManifestFolder? { store.manifestFolder(of: model, version) }
  package var activeVersion: VersionName? { store.activeVersion(of: model) }
  package var record: WeightConfig.Model { store.record(of: model) }

  /// - Parameter isMovable: whether `active` may lead to the version.
  /// - Throws: `inUse`, naming the link, for the active version and one that an alias points to.
  package func requireUnlinked(_ version: VersionName, besidesActive isMovable: Bool = false) throws(StoreError) {
    guard let link = store.links(to: version, of: model).first(where: { !isMovable || $0 != "active" }) else { return }
    throw StoreError(
      .inUse,
      "\(model)/\(version) is \(link == "active" ? "active" : "what \(link) points to"); "
        + "point \(link) at another version first")
  }

  // MARK: What is decided

  /// Changes what is decided about the model.
  ///
  /// - Parameter time: when links changed that do so, if that was a while ago.
  package func configure(at time: Int64? = nil, _ change: (inout WeightConfig.Model) -> Void) throws(StoreError) {
    let (before, after) = try store.configurationFile.change(model, in: cache) { record in
      let before = record
      change(&record)
      record.noteAliasTimes(since: before, at: time ?? Timestamp.now())
    }
    hasUntold = true
    if before.active != after.active || before.aliases != after.aliases {
      changes.append(.links(model))
      store.times.note(model, at: time)
    }
    if before.policies != after.policies { changes.append(.policies) }
  }

  /// Makes a version active, and remembers the switch.
  ///
  /// - Parameter isChosen: false if the version becomes active by itself.
  /// - Returns: the switch; nil if the version is active already.
  /// - Throws: `unknownVersion` if there is no such version.
  package func switchActive(
    to version: VersionName, by actor: Actor, isRollback: Bool, isChosen: Bool = true
  ) throws(StoreError) -> ActiveSwitch? {
    guard contains(version) else { throw store.unknown(version, of: model) }
    guard activeVersion != version else {
      if record.isChosen != isChosen { try configure { $0.isChosen = isChosen } }
      return nil
    }
    return try makeActive(version, by: actor, isRollback: isRollback, isChosen: isChosen)
  }

  /// Makes a version active: the one way in which that happens.
  ///
  /// The switch is a line in the model's history first, which counts for nothing until `weight_config.json` says so.
  ///
  /// - Parameter appear: makes the version visible, if it is still to come. `weight_config.json` says before that the switch is
  ///   pending: it takes effect with the version's manifest.
  @discardableResult
  private func makeActive(
    _ version: VersionName, by actor: Actor, isRollback: Bool = false, isChosen: Bool = true,
    with appear: (() throws(StoreError) -> Void)? = nil
  ) throws(StoreError) -> ActiveSwitch {
    // Later than all switches before, whatever the clock says.
    let earliest = record.lastSwitch.map { $0 < .max ? $0 + 1 : $0 } ?? .min
    let change = ActiveSwitch(
      time: max(earliest, Timestamp.now()), actor: actor, from: activeVersion, to: version, isRollback: isRollback)
    try SwitchHistory(folder: store.store.history)
      .append(change, of: model, after: record.lastSwitch, staging: try store.store.stagingForWriting)
    if let appear {
      try configure { $0.pending = change }
      try appear()
      changes.append(.links(model))
      do throws(StoreError) { try configure { _ in } } catch {
        store.logger.warning("weight_config.json is not up to date, which does no harm: \(error)")
      }
    } else {
      try configure { record in
        record.apply(change)
        if !isChosen { record.isChosen = false }
      }
    }
    log("\(isRollback ? "rollback" : "active"): \(model) \(change.from.map { "\($0) -> " } ?? "")\(version)")
    return change
  }

  // MARK: Versions

  /// Publishes a folder: writes its manifest, which makes it visible.
  ///
  /// - Parameters:
  ///   - folder: what is to be there, with a manifest.
  ///   - parent: where the manifest of a new version goes; that of an older one stays where it is.
  ///   - changes: what was changed in a folder whose journal is only written anew: others are told of that alone, and folders
  ///     have their new mtimes. Nil if anything may be another than before.
  /// - Returns: the manifest as it is written.
  @discardableResult
  package func publish(
    _ folder: VersionFolder, in parent: ManifestFolder, switching: Switching, by actor: Actor = .current,
    rewritingFor changes: [FolderChange]? = nil
  ) throws(StoreError) -> Manifest {
    let version = folder.version
    let revisions = try cache.listing(of: model).journals[version] ?? []
    let before = try cache.folder(of: model, version)
    var folder = folder
    if changes == nil, let before = before?.folder {
      let changed = folder.foldersWithOtherNames(than: before)
      for change in folder.timeChanges(of: changed, to: Timestamp.now()) { folder.apply(change) }
    }
    guard var manifest = folder.completeManifest else { throw store.unknown(version, of: model) }
    if before == nil { try requireNoFile(named: version) }
    let rest = folder.remainder
    let isNewModel = !store.hasFolder(model)
    manifest.revision = max(before?.folder.manifest?.revision ?? 0, revisions.max() ?? 0) + 1
    (manifest.model, manifest.version) = (model, version)
    let published = manifest
    let text = try files.text(of: published)
    let appear = { () throws(StoreError) in
      try self.write(text, of: published, in: self.manifestFolder(of: version) ?? parent, with: rest)
    }
    store.store.blobs.noteNamed(folder.blobs)
    try changingRecords { () throws(StoreError) in
      let isSwitch =
        switch switching {
        case .always: activeVersion != version
        case .ifNone: record.active == nil
        case .never: false
        }
      if isSwitch {
        try makeActive(version, by: actor, with: appear)
      } else {
        // A switch that came to nothing must not take effect with this manifest.
        if record.pending != nil { try configure { $0.pending = nil } }
        try appear()
      }
      try cache.removeJournals(of: model, version, revisions.subtracting([published.revision]))
    }
    store.uploads.exchange(before?.folder.uploads ?? [], for: folder.uploads)
    if let changes {
      self.changes.append(.published(model, version, paths: changes.flatMap(\.paths)))
    } else {
      self.changes.append(.published(model, version, paths: nil))
      let changed = folder.paths(changedSince: before?.folder)
      if !changed.isEmpty { self.changes.append(.replaced(model, version, paths: changed)) }
    }
    if before == nil { store.times.noteEntries(of: model, isNewModel: isNewModel) }
    return published
  }

  /// Writes a manifest, after the journal of what it cannot hold.
  private func write(
    _ text: [UInt8], of manifest: Manifest, in parent: ManifestFolder, with rest: [FolderChange]
  ) throws(StoreError) {
    var folder = VersionFolder(manifest)
    let journal = rest.isEmpty ? nil : try cache.writeJournal(of: folder, manifest.revision, rest)
    try files.writeManifest(text, of: model, manifest.version, in: parent)
    for change in rest { folder.apply(change) }
    let loaded = LoadedFolder(folder: folder, journal: journal)
    cache.withLock { memory in
      memory.listings.change(model) { $0.published[manifest.version] = parent }
      memory.config.models[model]?.completeSwitch()
      memory.change(model, manifest.version, to: loaded)
    }
  }

  /// Takes a version, or a draft, out of the tree.
  package func retract(_ version: VersionName) throws(StoreError) {
    guard let folder = try folder(version) else { return }
    let names = folder.children(of: "").map(\.name)
    try changingRecords { () throws(StoreError) in
      if let parent = manifestFolder(of: version) {
        try files.removeManifest(of: model, version, in: parent)
        cache.withLock { memory in memory.listings.change(model) { $0.published[version] = nil } }
      }
      try cache.removeJournals(of: model, version, try cache.listing(of: model).journals[version] ?? [])
    }
    cache.withLock { $0.change(model, version, to: nil) }
    store.uploads.exchange(folder.uploads, for: [])
    changes.append(.removed(model, version, paths: names))
    store.times.noteEntries(of: model)
  }

  /// Runs a step that changes records on disk. If it fails they may have changed or not, so that they are read again: what is
  /// collected must be what the disk does not name.
  private func changingRecords(_ body: () throws(StoreError) -> Void) throws(StoreError) {
    do throws(StoreError) {
      try body()
    } catch {
      cache.withLock { $0.forget(model) }
      throw error
    }
  }

  // MARK: Folders

  /// Makes an empty folder for a version that is to come.
  ///
  /// - Throws: `alreadyExists`.
  package func makeFolder(
    _ version: VersionName, _ properties: FileProperties = .usualOfFolder
  ) throws(StoreError) {
    guard try cache.folder(of: model, version) == nil else {
      throw StoreError(.alreadyExists, "\(model)/\(version) exists")
    }
    var folder = VersionFolder(model: model, version: version, made: Timestamp.now())
    if properties != .usualOfFolder {
      folder.apply(.setFolder("", FolderStatus(modified: folder.made, properties: properties)))
    }
    try write(folder)
  }

  /// Makes a folder that is no version yet, with all that it holds. A draft of that name goes.
  package func write(_ draft: VersionFolder) throws(StoreError) {
    let before = try cache.folder(of: model, draft.version)
    if before == nil, draft.version != .own { try requireNoFile(named: draft.version) }
    let isNewModel = !store.hasFolder(model)
    store.store.blobs.noteNamed(draft.blobs)
    try changingRecords { () throws(StoreError) in
      let loaded = LoadedFolder(folder: draft, journal: try cache.writeJournal(of: draft, 0, draft.changesFromEmpty))
      cache.withLock { $0.change(model, draft.version, to: loaded) }
    }
    store.uploads.exchange(before?.folder.uploads ?? [], for: draft.uploads)
    if before == nil { store.times.noteEntries(of: model, isNewModel: isNewModel) }
  }

  /// Changes what a version's folder holds, durably. It is made as a draft if there is none.
  package func change(_ version: VersionName, _ folderChanges: [FolderChange]) throws(StoreError) {
    guard !folderChanges.isEmpty else { return }
    if try cache.folder(of: model, version) == nil { try makeFolder(version) }
    guard let before = try cache.folder(of: model, version) else { throw store.unknown(version, of: model) }
    var edit = FolderEdit(before.folder)
    for change in folderChanges {
      if case .put(let file) = change { store.store.blobs.noteNamed(file.blobs) }
      edit.apply(change)
    }
    let times = edit.noteTimes(Timestamp.now())
    if version == .own, edit.changesOwnEntries { store.times.note(model) }
    let folder = edit.folder
    // Rewriting costs with the number of files, and happens once in as many changes.
    if let journal = before.journal, journal.lineCount > 64 + 2 * folder.fileCount {
      if folder.isPublished {
        try publish(folder, in: .models, switching: .never, rewritingFor: folderChanges)
      } else {
        try write(folder)
      }
      return
    }
    try changingRecords { () throws(StoreError) in
      let journal =
        if let journal = before.journal {
          try files.append(folderChanges + times, to: journal, of: folder)
        } else {
          try cache.writeJournal(of: folder, folder.manifest?.revision ?? 0, folderChanges + times)
        }
      let loaded = LoadedFolder(folder: folder, journal: journal)
      cache.withLock { $0.change(model, version, to: loaded) }
    }
    store.uploads.exchange(edit.droppedUploads, for: edit.namedUploads)
    if folder.isPublished { changes.append(.published(model, version, paths: folderChanges.flatMap(\.paths))) }
    if version == .own { hasUntold = true }
  }

  // MARK: Backups

  /// Makes a backup of a version, or what a removal leaves, durably.
  ///
  /// - Parameters:
  ///   - backups: those that there are, as `RecordStore.transaction(_:backupsOf:unless:_:)` gives them.
  ///   - isReplaced: whether another edition of the version takes its place.
  @discardableResult
  package func backUp(
    _ manifest: Manifest, beside backups: [BackupRecord], isPinned: Bool, isReplaced: Bool = false, by actor: Actor
  ) throws(StoreError) -> BackupRecord {
    // What an unfinished removal has left is the record of this one.
    let number = isPinned ? nil : backups.first(where: isLeftover)?.number
    let last = backups.map(\.number).max() ?? 0
    guard last < .max else {
      throw StoreError(.damaged, "backups/\(model) has a record with the last number that there is")
    }
    let record = BackupRecord(
      manifest: manifest, isCheckpoint: manifestFolder(of: manifest.version) == .checkpoints, isPinned: isPinned,
      isReplaced: isReplaced, time: Timestamp.now(), actor: actor, number: number ?? last + 1)
    try write(record)
    return record
  }

  /// Whether a removal or a restoration that ended too early left the record.
  package func isLeftover(_ record: BackupRecord) -> Bool { record.isLeftover(beside: folder) }

  /// Writes a backup, durably; one that has its number goes.
  package func write(_ record: BackupRecord) throws(StoreError) {
    store.store.blobs.noteNamed(record.manifest.blobs)
    // When it is there: whoever has read the backups before must read them again.
    defer { noteBackup() }
    try files.write(record)
  }

  /// Removes a backup, durably. Its blobs stay until they are collected.
  package func drop(_ record: BackupRecord) throws(StoreError) {
    defer { noteBackup() }
    try files.remove(record)
  }

  private func noteBackup() {
    cache.withLock { $0.noteBackup(of: model) }
    hasUntold = true
  }
}
