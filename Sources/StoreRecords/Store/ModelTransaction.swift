import BlobStore
import Glibc
import Logging
import PosixIO
import Synchronization

/// The records of one model while nobody else changes them: what `RecordStore.transaction(_:unless:_:)` gives. Each change is
/// durable when its call returns, and takes effect then. It must not be kept.
package final class ModelTransaction {
  package let model: ModelName
  let store: RecordStore
  /// What has changed, for those who have to be told.
  private(set) var changes: [RecordChange] = []
  /// Whether those who only read the store have something to look at.
  var concernsReaders: Bool { hasConfigured || !changes.isEmpty }
  private var hasConfigured = false

  init(_ store: RecordStore, _ model: ModelName) {
    self.store = store
    self.model = model
  }

  private var logger: Logger { store.logger }

  /// Writes a line to the log.
  package func log(_ message: String) { logger.info("\(message)") }

  // MARK: Looking

  /// What a version's folder holds; nil if there is no such version, nor a draft.
  package func folder(_ version: VersionName) throws(StoreError) -> VersionFolder? {
    try store.load(model, version)?.folder
  }

  /// The folder of a published version.
  ///
  /// - Throws: `unknownModel`; `unknownVersion`.
  package func published(_ version: VersionName) throws(StoreError) -> VersionFolder {
    let listing = try store.listing(of: model)
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
  package func place(of version: VersionName) -> RecordPlace? { store.place(of: model, version) }
  package var activeVersion: VersionName? { store.activeVersion(of: model) }
  package var record: WeightConfig.Model { store.record(of: model) }

  /// - Throws: `inUse`, naming the link, for the active version and one that an alias points to.
  package func requireUnlinked(_ version: VersionName) throws(StoreError) {
    guard let link = store.links(to: version, of: model).first else { return }
    throw StoreError(
      .inUse,
      "\(model)/\(version) is \(link == "active" ? "active" : "what \(link) points to"); "
        + "point \(link) at another version first")
  }

  // MARK: What is decided

  /// Changes what is decided about the model.
  package func configure(_ change: (inout WeightConfig.Model) -> Void) throws(StoreError) {
    try configureAll { change(&$0.models[self.model, default: .init()]) }
  }

  private func configureAll(_ change: (inout WeightConfig) -> Void) throws(StoreError) {
    try store.configurationLock.withLock { () throws(StoreError) in
      let before = store.state.withLock { $0.config }
      var config = before
      change(&config)
      let bytes = try configText(of: config)
      guard bytes.count <= WeightConfig.byteLimit else {
        throw StoreError(.system(errno: EFBIG), "\(StoreFolder.configName) cannot become larger")
      }
      let staging = try store.store.stagingForWriting
      try posix(try store.store.root.replace(StoreFolder.configName, with: bytes, staging: staging))
      store.state.withLock { state in
        state.config = config
        state.generation += 1
      }
      hasConfigured = true
      let (old, new) = (before.models[model] ?? .init(), config.models[model] ?? .init())
      if old.active != new.active || old.aliases != new.aliases { changes.append(.links(model)) }
    }
  }

  private func configText(of config: WeightConfig) throws(StoreError) -> [UInt8] {
    try store.configText.withLock { (text: inout sending WeightConfigText) in
      Result { () throws(StoreError) in try text.bytes(of: config) }
    }.get()
  }

  /// Makes a version active, and remembers the switch.
  ///
  /// - Returns: the switch; nil if the version is active already.
  /// - Throws: `unknownVersion` if there is no such version.
  package func switchActive(
    to version: VersionName, by actor: Actor, isRollback: Bool
  ) throws(StoreError) -> ActiveSwitch? {
    guard contains(version) else { throw store.unknown(version, of: model) }
    guard activeVersion != version else { return nil }
    let change = nextSwitch(to: version, by: actor, isRollback: isRollback)
    try writeDown(change)
    try configureAll { $0.apply(change, to: self.model) }
    logger.info("\(isRollback ? "rollback" : "active"): \(model) \(change.from.map { "\($0) -> " } ?? "")\(version)")
    return change
  }

  /// A switch from the version that is active now; later than all before it, whatever the clock says.
  private func nextSwitch(to version: VersionName, by actor: Actor, isRollback: Bool) -> ActiveSwitch {
    let earliest = record.lastSwitch.map { $0 < .max ? $0 + 1 : $0 } ?? .min
    return ActiveSwitch(
      time: max(earliest, Timestamp.now()), actor: actor, from: activeVersion, to: version, isRollback: isRollback)
  }

  /// Writes a switch into the model's history, durably. It counts once `weight_config.json` says so.
  private func writeDown(_ change: ActiveSwitch) throws(StoreError) {
    try SwitchHistory(folder: store.store.history)
      .append(change, of: model, after: record.lastSwitch, staging: try store.store.stagingForWriting)
  }

  // MARK: Versions

  /// What becomes of `active` when a version is published.
  package enum Switching: Sendable {
    /// The version becomes active.
    case always
    /// The version becomes active if the model has no active link.
    case ifNone
    /// Nothing: the version was there before.
    case never
  }

  /// Publishes a folder: writes its manifest, then makes it visible.
  ///
  /// - Parameters:
  ///   - folder: what is to be there, with a manifest.
  ///   - place: where a new version's manifest goes; one that is there stays where it is.
  package func publish(
    _ folder: VersionFolder, at place: RecordPlace, switching: Switching, by actor: Actor = .current
  ) throws(StoreError) {
    try changingRecords { () throws(StoreError) in
      try writeManifest(of: folder, at: self.place(of: folder.version) ?? place, switching, by: actor)
    }
    changes.append(.published(model, folder.version, paths: nil))
  }

  private func writeManifest(
    of folder: VersionFolder, at place: RecordPlace, _ switching: Switching, by actor: Actor
  ) throws(StoreError) {
    let version = folder.version
    let listing = try store.listing(of: model)
    let before = try store.load(model, version)
    guard var manifest = folder.completeManifest else { throw store.unknown(version, of: model) }
    let revisions = listing.journals[version] ?? []
    manifest.revision = max(before?.folder.manifest?.revision ?? 0, revisions.max() ?? 0) + 1
    (manifest.model, manifest.version) = (model, version)
    try manifest.checkConsistency()
    let bytes = try StoreCoding.encode(manifest, pretty: true)
    guard bytes.count <= store.limits.manifest else {
      throw StoreError(
        .system(errno: EFBIG),
        "\(model)/\(version) has more files than a manifest can name: it would have \(bytes.count) bytes, and at most "
          + "\(store.limits.manifest) are read")
    }
    store.store.blobs.noteNamed(folder.blobs)
    let parent = try store.folder(place)
    let staging = try store.store.stagingForWriting
    let record = record
    let isSwitch =
      switch switching {
      case .always: activeVersion != version
      case .ifNone: record.active == nil
      case .never: false
      }
    let change = isSwitch ? nextSwitch(to: version, by: actor, isRollback: false) : nil
    if let change { try writeDown(change) }
    if change != record.pending { try configure { $0.pending = change } }
    let rest = folder.remainder
    let journal = rest.isEmpty ? nil : try writeJournal(of: version, manifest.revision, made: folder.made, rest)
    try posix(
      try parent.makeFolder(model.text).replace(version.text + ".json", with: bytes, staging: staging))
    var written = VersionFolder(manifest)
    for change in rest { written.apply(change) }
    store.state.withLock { state in
      state.listings.change(model) { $0.published[version] = place }
      state.folders[.init(model: model, version: version)] = .init(folder: written, journal: journal)
      state.config.completeSwitch(of: model)
      state.noteChange(of: model)
    }
    if let change {
      changes.append(.links(model))
      logger.info("active: \(model) \(change.from.map { "\($0) -> " } ?? "")\(change.to)")
      do throws(StoreError) {
        try configureAll { _ in }
      } catch {
        logger.warning("weight_config.json is not up to date, which does no harm: \(error)")
      }
    }
    try store.removeJournals(of: model, version, revisions.subtracting([manifest.revision]))
    store.uploads.exchange(before?.folder.uploads ?? [], for: written.uploads)
  }

  /// Takes a version, or a draft, out of the tree.
  package func retract(_ version: VersionName) throws(StoreError) {
    guard let folder = try folder(version) else { return }
    let names = folder.children(of: "").map(\.name)
    try changingRecords { () throws(StoreError) in
      if let place = place(of: version) {
        let parent = try store.folder(place)
        let folder = try posix(try parent.folder(model.text))
        try posix(try folder.removeFile(version.text + ".json"))
        try posix(try folder.synchronize())
        store.state.withLock { state in state.listings.change(model) { $0.published[version] = nil } }
      }
      try store.removeJournals(of: model, version, try store.listing(of: model).journals[version] ?? [])
    }
    store.state.withLock { state in
      state.folders[.init(model: model, version: version)] = nil
      state.noteChange(of: model)
    }
    store.uploads.exchange(folder.uploads, for: [])
    changes.append(.removed(model, version, paths: names))
  }

  /// Runs a step that changes records on disk. If it fails they may have changed or not, so that they are read again: what is
  /// collected must be what the disk does not name.
  private func changingRecords(_ body: () throws(StoreError) -> Void) throws(StoreError) {
    do throws(StoreError) {
      try body()
    } catch {
      store.state.withLock { $0.forget(model) }
      throw error
    }
  }

  // MARK: Folders

  /// Makes an empty folder for a version that is to come.
  ///
  /// - Throws: `alreadyExists`.
  package func makeFolder(_ version: VersionName) throws(StoreError) {
    guard try folder(version) == nil else { throw StoreError(.alreadyExists, "\(model)/\(version) exists") }
    try write(VersionFolder(model: model, version: version, made: Timestamp.now()))
  }

  /// Makes a folder that is no version yet, with all that it holds. It takes the place of a draft of that name.
  package func write(_ draft: VersionFolder) throws(StoreError) {
    let version = draft.version
    let before = try store.load(model, version)
    store.store.blobs.noteNamed(draft.blobs)
    try changingRecords { () throws(StoreError) in
      let journal = try writeJournal(of: version, 0, made: draft.made, draft.changesFromEmpty)
      store.state.withLock { state in
        state.folders[.init(model: model, version: version)] = .init(folder: draft, journal: journal)
        state.noteChange(of: model)
      }
    }
    store.uploads.exchange(before?.folder.uploads ?? [], for: draft.uploads)
  }

  /// Changes what a version's folder holds, durably. It is made as a draft if there is none.
  package func change(_ version: VersionName, _ folderChanges: [FolderChange]) throws(StoreError) {
    guard !folderChanges.isEmpty else { return }
    if try folder(version) == nil { try makeFolder(version) }
    guard var loaded = try store.load(model, version) else { throw store.unknown(version, of: model) }
    var dropped: [String] = []
    var kept: [String] = []
    for change in folderChanges {
      if case .put(let file) = change { store.store.blobs.noteNamed(file.blobs) }
      if let old = loaded.folder.file(at: change.path)?.upload { dropped.append(old) }
      loaded.folder.apply(change)
      if let new = loaded.folder.file(at: change.path)?.upload { kept.append(new) }
    }
    let isPublished = loaded.folder.isPublished
    // Rewriting costs with the number of files, and happens once in as many changes.
    if let journal = loaded.journal, journal.lineCount > 64 + 2 * loaded.folder.fileCount {
      if isPublished {
        try publish(loaded.folder, at: .models, switching: .never)
      } else {
        try write(loaded.folder)
      }
      return
    }
    try changingRecords { () throws(StoreError) in
      loaded.journal = try append(folderChanges, to: loaded)
      store.state.withLock { state in
        state.folders[.init(model: model, version: version)] = loaded
        state.noteChange(of: model)
      }
    }
    store.uploads.exchange(dropped, for: kept)
    if isPublished { changes.append(.published(model, version, paths: folderChanges.map(\.path))) }
  }

  /// Adds lines to a folder's journal, which is made if there is none.
  private func append(
    _ changes: [FolderChange], to loaded: RecordStore.Loaded
  ) throws(StoreError) -> RecordStore.Loaded.Journal {
    let version = loaded.folder.version
    let revision = loaded.folder.manifest?.revision ?? 0
    guard let journal = loaded.journal else {
      return try writeJournal(of: version, revision, made: loaded.folder.made, changes)
    }
    let bytes = try FolderJournal.lines(changes)
    guard journal.byteCount + bytes.count <= store.limits.journal else { throw Self.journalIsFull(model, version) }
    let parent = try store.store.forWriting(store.store.folders)
    let name = FolderJournal.fileName(version, revision: revision)
    do throws(PosixError) {
      let file = try parent.folder(model.text).makeFile(name, exclusively: false)
      // What a write that did not end has left.
      if try file.status().size > journal.byteCount { try file.truncate(to: journal.byteCount) }
      let end = journal.byteCount
      try bytes.withUnsafeBytes { buffer in Result { () throws(PosixError) in try file.write(buffer, at: end) } }.get()
      try file.synchronize()
    } catch {
      throw StoreError(error)
    }
    return .init(byteCount: journal.byteCount + bytes.count, lineCount: journal.lineCount + changes.count)
  }

  private static func journalIsFull(_ model: ModelName, _ version: VersionName) -> StoreError {
    StoreError(.system(errno: EFBIG), "\(model)/\(version) has more files than its record can hold")
  }

  /// Writes a whole journal, durably.
  private func writeJournal(
    of version: VersionName, _ revision: Int, made: Int64, _ changes: [FolderChange]
  ) throws(StoreError) -> RecordStore.Loaded.Journal {
    let bytes = try FolderJournal.text(made: made, changes)
    guard bytes.count <= store.limits.journal else { throw Self.journalIsFull(model, version) }
    // What is on disk is listed before it changes.
    _ = try store.listing(of: model)
    let folder = try makeModelFolder()
    let staging = try store.store.stagingForWriting
    try posix(
      try folder.replace(FolderJournal.fileName(version, revision: revision), with: bytes, staging: staging))
    store.state.withLock { state in
      state.listings.change(model) { $0.journals[version, default: []].insert(revision) }
    }
    return .init(byteCount: bytes.count, lineCount: changes.count)
  }

  /// Makes the model a folder that stays without a version.
  @discardableResult
  private func makeModelFolder() throws(StoreError) -> Folder {
    let parent = try store.store.forWriting(store.store.folders)
    let folder = try posix(try parent.makeFolder(model.text))
    store.state.withLock { state in state.listings.change(model) { $0.isMade = true } }
    return folder
  }

  /// Makes the model a folder that stays without a version.
  package func makeModel() throws(StoreError) {
    _ = try store.listing(of: model)
    _ = try makeModelFolder() as Folder
    store.state.withLock { $0.noteChange(of: model) }
  }

  /// Takes the model's folder away, which holds nothing.
  ///
  /// - Throws: `inUse` if it holds something.
  package func removeModel() throws(StoreError) {
    let listing = try store.listing(of: model)
    guard listing.published.isEmpty, listing.drafts.isEmpty else {
      throw StoreError(.inUse, "\(model) still has versions; remove their folders first")
    }
    for (version, revisions) in listing.journals { try store.removeJournals(of: model, version, revisions) }
    let folders = try store.store.forWriting(store.store.folders)
    try posix(try folders.removeFolder(model.text))
    try posix(try folders.synchronize())
    store.state.withLock { state in
      state.listings.change(model) { $0.isMade = false }
      state.noteChange(of: model)
    }
  }
}
