import BlobStore
import Glibc
package import Logging
package import PosixIO
import Synchronization
import SystemPackage
package import Tensors

/// What a store is opened for.
package enum StoreAccess: Sendable {
  /// Looks, changes nothing, takes no lock.
  case reading
  /// Takes the store's lock and makes missing folders; `mountpoint` goes into the lock file.
  case writing(mountpoint: String? = nil)
}

/// A change of the records that somebody may have to be told of.
package enum RecordChange: Sendable, Hashable {
  /// A version has come, or some of its files have, or have gone: their paths, if it is only them.
  case published(ModelName, VersionName, paths: [String]?)
  case removed(ModelName, VersionName, paths: [String])
  /// What links of the model lead to.
  case links(ModelName)
}

/// The records of a store: what versions there are, what is in their folders, which of them is active, what is kept of others.
///
/// Opening it reads `weight_config.json`, the names of models and the journals. Everything else is read when somebody asks for
/// it; listings are kept, folders for a while. Records change in a ``transaction(_:unless:_:)`` only. Safe from several threads.
package final class RecordStore: Sendable {
  package let store: StoreFolder
  package let logger: Logger
  package let uploads: StagedUploads
  package let index: StoreIndex
  let lock: FileLock?
  let state: Mutex<State>
  private let modelLocks = Mutex<[ModelName: RankedLock]>([:])
  let configurationLock = RankedLock(.configuration)
  /// Held by whoever removes blobs that nothing names.
  package let collectionLock = RankedLock(.collection)
  let configText = Mutex(WeightConfigText())
  let observers = Mutex<[@Sendable (RecordChange) -> Void]>([])
  private let freshness: Freshness?

  struct VersionKey: Hashable, Sendable {
    var model: ModelName
    var version: VersionName
  }

  /// A folder, and how long its journal is.
  struct Loaded: Sendable {
    var folder: VersionFolder
    var journal: Journal?

    struct Journal: Sendable {
      var byteCount: Int
      var lineCount: Int
    }
  }

  struct State: Sendable {
    var config: WeightConfig
    var listings: VersionListings
    var folders: [VersionKey: Loaded] = [:]
    var figures: [ModelName: ModelFigures] = [:]
    /// Rises with every change, so that what is derived can tell whether it is stale.
    var generation: UInt64 = 0
    /// Rises with every change of what is stored and shown; what is active is none.
    var contents: UInt64 = 0

    /// Takes over that something of a model has changed.
    mutating func noteChange(of model: ModelName) {
      figures[model] = nil
      generation += 1
      contents += 1
    }

    /// Lets what is known of a model's versions be read again.
    mutating func forget(_ model: ModelName) {
      noteChange(of: model)
      listings.forget(model)
      folders = folders.filter { $0.key.model != model }
    }
  }

  /// How large records may become.
  let limits: RecordLimits
  private static let cachedFolders = 4096

  package init(
    path: String, access: StoreAccess, logger: Logger, limits: RecordLimits = RecordLimits()
  ) throws(StoreError) {
    self.logger = logger
    self.limits = limits
    switch access {
    case .reading:
      store = try StoreFolder(path: path, creating: false)
      lock = nil
      freshness = Freshness()
    case .writing(let mountpoint):
      store = try StoreFolder(path: path, creating: true)
      freshness = nil
      lock = try store.lock(.current(mountpoint: mountpoint))
    }
    uploads = StagedUploads(store.blobs, logger: logger)
    index = StoreIndex(store: store, isWritable: lock != nil, logger: logger)
    state = Mutex(try Self.load(store))
    if lock != nil { try prepareForWriting() }
  }

  // MARK: Loading

  private static func load(_ store: StoreFolder) throws(StoreError) -> State {
    State(config: try loadConfig(store), listings: VersionListings(unlisted: try store.modelFolders()))
  }

  private static func loadConfig(_ store: StoreFolder) throws(StoreError) -> WeightConfig {
    var config = WeightConfig()
    if try posix(try store.root.status(of: StoreFolder.configName)) != nil {
      let bytes = try posix(try store.root.contents(of: StoreFolder.configName, limit: WeightConfig.byteLimit))
      do throws(StoreError) {
        config = try decodeConfig(bytes)
      } catch  where error.code == .damaged {
        throw StoreError(
          .damaged,
          "\(error); put an earlier \(store.path)/\(StoreFolder.configName) in its place, or remove it and choose the active "
            + "versions again with tantra set-active: no weights are lost with it")
      }
    }
    for (model, record) in config.models {
      if let change = record.pending, try store.hasManifest(model, change.to) { config.completeSwitch(of: model) }
    }
    return config
  }

  private static func decodeConfig(_ bytes: [UInt8]) throws(StoreError) -> WeightConfig {
    do throws(StoreError) {
      let config = try WeightConfig.read(bytes)
      try StoreUpgrade.Header(format: config.format).check()
      return config
    } catch  where error.code == .damaged {
      // That of another format may look like anything but for its header.
      try StoreCoding.decode(StoreUpgrade.Header.self, from: bytes, what: StoreFolder.configName).check()
      throw error
    }
  }

  /// What a process that ended too early left is completed or removed.
  private func prepareForWriting() throws(StoreError) {
    let format = state.withLock { $0.config.format }
    guard format == WeightConfig.currentFormat else {
      throw StoreError(
        .olderFormat,
        "the store at \(store.path) has format \(format), which this Tantra reads and does not write: run tantra "
          + "upgrade-store --store \(store.path), which can be taken back")
    }
    if let uploads = try recoverJournals() { try store.sweepStaging(keeping: Set(uploads)) }
    // What was about to become active must not become so with a later version of that name.
    let pending = state.withLock { $0.config.models.filter { $0.value.pending != nil }.map(\.key) }
    for model in pending {
      try transaction(model) { (models) throws(StoreError) in try models.configure { $0.pending = nil } }
    }
  }

  /// Reads all journals, and removes those that count for nothing.
  ///
  /// - Returns: names in the staging folder that they need; nil if one cannot be read.
  private func recoverJournals() throws(StoreError) -> [String]? {
    let folders = try store.forWriting(store.folders)
    var needed: [String]? = []
    for name in try posix(try folders.names()) {
      guard let model = ModelName(name) else { continue }
      let listing = try listing(of: model)
      for (version, revisions) in listing.journals {
        do throws(StoreError) {
          let loaded = try load(model, version)
          needed? += loaded?.folder.uploads ?? []
          let counting = loaded.map { $0.folder.manifest?.revision ?? 0 }
          try removeJournals(of: model, version, revisions.filter { $0 != counting })
        } catch {
          logger.error("\(error)")
          needed = nil
        }
      }
    }
    uploads.take(needed ?? [])
    return needed
  }

  // MARK: Following another process

  /// Whether another process may change the store meanwhile.
  package var isReader: Bool { freshness != nil }

  /// Takes over what another process has changed since; for a store that was opened for reading. Looks at the disk at most
  /// once in a while.
  ///
  /// - Parameter now: whether to look even so.
  /// - Returns: whether something may have changed.
  @discardableResult
  package func refresh(now: Bool = false) throws(StoreError) -> Bool {
    guard let freshness, freshness.hasChanged(store, atOnce: now) else { return false }
    do throws(StoreError) {
      let fresh = try Self.load(store)
      state.withLock { state in
        let (generation, contents) = (state.generation + 1, state.contents + 1)
        state = fresh
        (state.generation, state.contents) = (generation, contents)
      }
      return true
    } catch {
      freshness.forget()
      throw error
    }
  }

  /// Calls `observer` after every change, on the thread that made it, when no lock is held.
  package func observe(_ observer: @escaping @Sendable (RecordChange) -> Void) {
    observers.withLock { $0.append(observer) }
  }

  // MARK: Transactions

  /// - Throws: `readOnly` if the store is open for reading only.
  package func requireWriting() throws(StoreError) {
    if lock == nil { throw StoreError(.readOnly, "the store at \(store.path) is open for reading only") }
  }

  func lock(of model: ModelName) -> RankedLock {
    modelLocks.withLock { locks in
      if let lock = locks[model] { return lock }
      let lock = RankedLock(.model, name: model.text)
      locks[model] = lock
      return lock
    }
  }

  /// Reads, checks and changes the records of one model while nobody else changes them. What a decision relies on is read inside.
  ///
  /// It takes as long as some small writes to disk: whatever takes longer is done before.
  ///
  /// - Throws: `interrupted` if `interruption` is requested before it begins; nothing has changed then.
  package func transaction<R>(
    _ model: ModelName, unless interruption: Interruption = .never,
    _ body: (ModelTransaction) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try requireWriting()
    let records = ModelTransaction(self, model)
    defer { announce([records]) }
    return try lock(of: model).withLock(unless: interruption) { () throws(StoreError) in try body(records) }
  }

  /// As ``transaction(_:unless:_:)``, for two models.
  package func transaction<R>(
    _ first: ModelName, _ second: ModelName, unless interruption: Interruption = .never,
    _ body: (_ first: ModelTransaction, _ second: ModelTransaction) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    if first == second {
      return try transaction(first, unless: interruption) { (records) throws(StoreError) in try body(records, records) }
    }
    try requireWriting()
    let records = (ModelTransaction(self, first), ModelTransaction(self, second))
    defer { announce([records.0, records.1]) }
    let inOrder = [first, second].sorted { $0.text < $1.text }
    return try lock(of: inOrder[0]).withLock(unless: interruption) { () throws(StoreError) in
      try lock(of: inOrder[1]).withLock(unless: interruption) { () throws(StoreError) in try body(records.0, records.1)
      }
    }
  }

  private func announce(_ transactions: [ModelTransaction]) {
    guard transactions.contains(where: \.concernsReaders) else { return }
    do throws(PosixError) {
      try store.noteChange(state.withLock { $0.generation } &+ Self.epoch)
    } catch {
      logger.warning("those who only read the store may learn late of a change: \(StoreError(error))")
    }
    for observer in observers.withLock({ $0 }) {
      for change in transactions.flatMap(\.changes) { observer(change) }
    }
  }

  /// Keeps the numbers of changes of one process apart from those of another.
  private static let epoch = UInt64.random(in: 0...(.max >> 1))

  // MARK: Folders

  /// What a version's folder holds; nil if there is no such version, nor a draft.
  package func folder(
    of model: ModelName, _ version: VersionName, unless interruption: Interruption = .never
  ) throws(StoreError) -> VersionFolder? {
    let key = VersionKey(model: model, version: version)
    if let known = state.withLock({ $0.folders[key] }) { return known.folder }
    let listing = try listing(of: model)
    if listing.published[version] == nil, listing.journals[version]?.contains(0) != true { return nil }
    if isReader { return try load(model, version)?.folder }
    return try lock(of: model).withLock(unless: interruption) { () throws(StoreError) in
      try load(model, version)?.folder
    }
  }

  /// As ``folder(of:_:)``.
  ///
  /// - Parameter isLocked: whether the model's lock is held, so that nothing can have changed meanwhile.
  func load(_ model: ModelName, _ version: VersionName, isLocked: Bool = true) throws(StoreError) -> Loaded? {
    let key = VersionKey(model: model, version: version)
    let (known, generation) = state.withLock { ($0.folders[key], $0.generation) }
    if let known { return known }
    var loaded: Loaded?
    do throws(StoreError) {
      loaded = try read(model, version, try listing(of: model))
    } catch  where isReader && error.code == .system(errno: ENOENT) {
      // It has gone since the folders were listed.
      state.withLock { $0.forget(model) }
      loaded = try read(model, version, try listing(of: model))
    }
    guard let loaded else { return nil }
    state.withLock { state in
      // What has changed meanwhile is read again.
      if isReader || !isLocked, state.generation != generation { return }
      if state.folders.count >= Self.cachedFolders { state.folders.removeAll(keepingCapacity: true) }
      state.folders[key] = loaded
    }
    return loaded
  }

  private func read(
    _ model: ModelName, _ version: VersionName, _ listing: ModelListing
  ) throws(StoreError) -> Loaded? {
    // A reader may see a manifest of one moment and the journal of another: of two equal looks both are of one.
    for attempt in 1... {
      let manifest = try listing.published[version].map { (place) throws(StoreError) in
        try readManifest(model, version, in: place)
      }
      let revision = manifest?.revision ?? 0
      let journal = try readJournal(model, version, revision: revision)
      if isReader, attempt < 8, let place = listing.published[version],
        try readManifest(model, version, in: place).revision != revision
      {
        continue
      }
      guard manifest != nil || journal != nil && !isReader else { return nil }
      var folder =
        manifest.map { VersionFolder($0) } ?? VersionFolder(model: model, version: version, made: journal?.made ?? 0)
      for change in journal?.changes ?? [] { folder.apply(change) }
      return Loaded(
        folder: folder,
        journal: journal.map { .init(byteCount: $0.byteCount, lineCount: $0.changes.count) })
    }
    return nil
  }

  private func readManifest(
    _ model: ModelName, _ version: VersionName, in place: RecordPlace
  ) throws(StoreError) -> Manifest {
    let folder = try folder(place)
    let bytes = try posix(try folder.folder(model.text).contents(of: version.text + ".json", limit: limits.manifest))
    let manifest = try StoreCoding.decode(Manifest.self, from: bytes, what: "the manifest of \(model)/\(version)")
    try manifest.checkConsistency()
    guard manifest.model == model, manifest.version == version else {
      throw StoreError(
        .damaged,
        "the manifest of \(model)/\(version) is damaged: it says it is that of \(manifest.model)/\(manifest.version)")
    }
    return manifest
  }

  private func readJournal(
    _ model: ModelName, _ version: VersionName, revision: Int
  ) throws(StoreError) -> FolderJournal? {
    guard let folders = store.folders else { return nil }
    let name = FolderJournal.fileName(version, revision: revision)
    let bytes: [UInt8]
    do throws(PosixError) {
      bytes = try folders.folder(model.text).contents(of: name, limit: limits.journal)
    } catch  where error.errno == .noSuchFileOrDirectory {
      return nil
    } catch {
      throw StoreError(error)
    }
    return try FolderJournal(bytes, what: "folders/\(model)/\(name)")
  }

  /// Removes journals, durably.
  func removeJournals(of model: ModelName, _ version: VersionName, _ revisions: some Sequence<Int>) throws(StoreError) {
    let revisions = Array(revisions)
    guard !revisions.isEmpty else { return }
    let parent = try store.forWriting(store.folders)
    do throws(PosixError) {
      let folder = try parent.folder(model.text)
      for revision in revisions { try folder.removeFile(FolderJournal.fileName(version, revision: revision)) }
      try folder.synchronize()
    } catch {
      throw StoreError(error)
    }
    state.withLock { $0.listings.change(model) { $0.journals[version]?.subtract(revisions) } }
    state.withLock { state in
      state.listings.change(model) { if $0.journals[version]?.isEmpty == true { $0.journals[version] = nil } }
    }
  }

  func folder(_ place: RecordPlace) throws(StoreError) -> Folder {
    switch place {
    case .models: store.models
    case .checkpoints: try store.forWriting(store.checkpoints)
    }
  }

  /// Reads and checks a table.
  package func table(_ digest: Digest) throws(StoreError) -> Table {
    let bytes = try blobStore(try store.blobs.contents(of: digest, limit: 1 << 30))
    let table = try StoreCoding.decode(Table.self, from: bytes, what: "table \(digest)")
    try table.checkConsistency()
    return table
  }
}
