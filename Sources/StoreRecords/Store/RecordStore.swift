package import BlobStore
import Glibc
package import Logging
package import PosixIO
package import Tensors

/// The records of a store: what versions there are, what is in their folders, which of them is active, which backups there are.
///
/// Opening it reads `weight_config.json`, the names of models and the journals. Everything else is read when somebody asks for
/// it; listings are remembered, folders for a while. Records change in a ``transaction(_:unless:_:)`` only. Safe from several threads.
package final class RecordStore: Sendable {
  package let store: StoreFolder
  package let logger: Logger
  package let uploads: StagedUploads
  package let index: StoreIndex
  let lock: FileLock?
  let cache: RecordCache
  let configurationFile: ConfigurationFile
  private let locks = ModelLocks()
  /// Held by whoever removes blobs that nothing names.
  package let collectionLock = RankedLock(.collection)
  let feed: ChangeFeed
  private let freshness: Freshness?

  package init(
    path: String, access: StoreAccess, logger: Logger, limits: RecordLimits = RecordLimits()
  ) throws(StoreError) {
    self.logger = logger
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
    let files = RecordFiles(store: store, limits: limits, isReader: lock == nil)
    index = StoreIndex(files, logger: logger)
    cache = try RecordCache(files)
    configurationFile = ConfigurationFile(store)
    feed = ChangeFeed(store, logger)
    if lock != nil { try StoreRecovery.run(on: self) }
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
      try cache.reload()
      return true
    } catch {
      freshness.forget()
      throw error
    }
  }

  /// Calls `observer` after every change, on the thread that made it, when no lock is held.
  package func observe(_ observer: @escaping @Sendable (RecordChange) -> Void) { feed.observe(observer) }

  // MARK: Transactions

  /// - Throws: `readOnly` if the store is open for reading only.
  package func requireWriting() throws(StoreError) {
    if lock == nil { throw StoreError(.readOnly, "the store at \(store.path) is open for reading only") }
  }

  /// Reads, checks and changes the records of one model while nobody else changes them. What a decision relies on is read inside.
  ///
  /// It takes as long as some small writes to disk: whatever takes longer is done before.
  ///
  /// - Throws: `interrupted` if `interruption` is requested before it begins; nothing has changed then.
  @discardableResult
  package func transaction<R>(
    _ model: ModelName, unless interruption: Interruption = .never,
    _ body: (ModelTransaction) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try requireWriting()
    let records = ModelTransaction(self, model)
    defer { announce([records]) }
    return try locks[model].withLock(unless: interruption) { () throws(StoreError) in try body(records) }
  }

  /// As ``transaction(_:unless:_:)``, for two models.
  @discardableResult
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
    return try locks[inOrder[0]].withLock(unless: interruption) { () throws(StoreError) in
      try locks[inOrder[1]].withLock(unless: interruption) { () throws(StoreError) in try body(records.0, records.1) }
    }
  }

  /// As ``transaction(_:unless:_:)``, with the backups of a version, which may take long to read: they are read before, and are
  /// still the same. What an unfinished command left is among them.
  @discardableResult
  package func transaction<R>(
    _ model: ModelName, backupsOf version: VersionName, unless interruption: Interruption = .never,
    _ body: (_ records: ModelTransaction, _ backups: [BackupRecord]) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    while true {
      let edition = cache.withLock { $0.backupEditions[model] }
      let backups = try cache.files.backups(of: model, version)
      let result = try transaction(model, unless: interruption) { (records) throws(StoreError) -> R? in
        guard cache.withLock({ $0.backupEditions[model] }) == edition else { return nil }
        return try body(records, backups)
      }
      if let result { return result }
    }
  }

  /// Changes what is decided about all models, durably.
  ///
  /// - Throws: `readOnly`; what `change` throws.
  package func changePolicies(
    _ change: (inout PolicySettings) throws(StoreError) -> Void
  ) throws(StoreError) {
    try requireWriting()
    try configurationFile.changePolicies(in: cache, change)
    feed.announce([.policies], number: cache.withLock { $0.generation })
  }

  private func announce(_ transactions: [ModelTransaction]) {
    guard transactions.contains(where: \.concernsReaders) else { return }
    feed.announce(transactions.flatMap(\.changes), number: cache.withLock { $0.generation })
  }

  // MARK: Folders

  /// What a version's folder holds; nil if there is no such version, nor a draft. Every model has a folder ``VersionName/own``.
  package func folder(
    of model: ModelName, _ version: VersionName, unless interruption: Interruption = .never
  ) throws(StoreError) -> VersionFolder? {
    let key = RecordMemory.Key(model: model, version: version)
    if let known = cache.withLock({ $0.folders[key] }) { return known.folder }
    let listing = try listing(of: model)
    if listing.published[version] == nil, listing.journals[version]?.contains(0) != true {
      return emptyOwnFolder(model, version)
    }
    if isReader { return try cache.folder(of: model, version)?.folder }
    return try locks[model].withLock(unless: interruption) { () throws(StoreError) in
      try cache.folder(of: model, version)?.folder
    }
  }

  /// A model's own folder in which there is no file; nil for a version.
  func emptyOwnFolder(_ model: ModelName, _ version: VersionName) -> VersionFolder? {
    version == .own && hasFolder(model) ? VersionFolder(model: model, version: .own, made: 0) : nil
  }

  /// Reads and checks a table.
  package func table(_ digest: Digest) throws(StoreError) -> Table { try cache.files.table(digest) }

  /// Reads the segments of a pack from a table; nil if the table does not name it.
  package func segments(of pack: Digest, in table: Digest) throws(StoreError) -> SegmentTable? {
    try cache.files.segments(of: [pack], in: table)[pack]
  }
}
