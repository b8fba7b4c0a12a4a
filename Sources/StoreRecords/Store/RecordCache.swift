import Glibc
import Logging
import PosixIO
import Synchronization

/// The records of a store, each read when somebody first asks for it, and remembered; listings for good, folders for a while.
/// Safe from several threads. Nothing is read or written while its mutex is held.
final class RecordCache: Sendable {
  let files: RecordFiles
  private let memory: Mutex<RecordMemory>

  /// Reads `weight_config.json` and the names of models.
  init(_ files: RecordFiles) throws(StoreError) {
    self.files = files
    memory = Mutex(try Self.read(files.store))
  }

  private static func read(_ store: StoreFolder) throws(StoreError) -> RecordMemory {
    RecordMemory(config: try ConfigurationFile.read(store), models: try store.modelFolders())
  }

  /// Looks at what is remembered, or changes it after it was changed on disk.
  func withLock<R: Sendable>(_ body: (inout RecordMemory) -> R) -> R { memory.withLock { body(&$0) } }

  /// Takes over what another process has changed.
  func reload() throws(StoreError) {
    let fresh = try Self.read(files.store)
    memory.withLock { $0.replace(with: fresh) }
  }

  /// What the model's folders tell of it.
  func listing(of model: ModelName) throws(StoreError) -> ModelListing {
    while true {
      let (known, generation) = memory.withLock { ($0.listings[model], $0.generation) }
      if let known { return known }
      let found = try files.store.listing(of: model)
      memory.withLock { memory in
        // What changed meanwhile may have been read or not: then it is read again.
        if memory.generation == generation { memory.listings.take(found, of: model) }
      }
    }
  }

  /// What a version's folder holds, for whoever holds the model's lock, or reads a store that another process writes; nil if
  /// there is no such version, nor a draft.
  func folder(of model: ModelName, _ version: VersionName) throws(StoreError) -> LoadedFolder? {
    let key = RecordMemory.Key(model: model, version: version)
    let (known, generation) = memory.withLock { ($0.folders[key], $0.generation) }
    if let known { return known }
    var loaded: LoadedFolder?
    do throws(StoreError) {
      loaded = try files.folder(of: model, version, in: try listing(of: model).published[version])
    } catch  where files.isReader && error.code == .system(errno: ENOENT) {
      // It has gone since the folders were listed.
      memory.withLock { $0.forget(model) }
      loaded = try files.folder(of: model, version, in: try listing(of: model).published[version])
    }
    guard let loaded else { return nil }
    memory.withLock { memory in
      // What another process has changed meanwhile is read again.
      if !files.isReader || memory.generation == generation { memory.remember(loaded) }
    }
    return loaded
  }

  /// Writes a whole journal of a version's folder, durably.
  func writeJournal(
    of folder: VersionFolder, _ revision: Int, _ changes: [FolderChange]
  ) throws(StoreError) -> FolderJournal.Extent {
    // What is on disk is listed before it changes.
    _ = try listing(of: folder.model)
    let extent = try files.writeJournal(of: folder, revision: revision, changes)
    memory.withLock { memory in
      memory.listings.change(folder.model) { listing in
        listing.isMade = true
        listing.journals[folder.version, default: []].insert(revision)
      }
    }
    return extent
  }

  /// Removes journals, durably.
  func removeJournals(of model: ModelName, _ version: VersionName, _ revisions: Set<Int>) throws(StoreError) {
    guard !revisions.isEmpty else { return }
    try files.removeJournals(of: model, version, revisions)
    memory.withLock { memory in
      memory.listings.change(model) { listing in
        listing.journals[version]?.subtract(revisions)
        if listing.journals[version]?.isEmpty == true { listing.journals[version] = nil }
      }
    }
  }

  /// Reads all journals, takes over which uploads they name, and removes those that count for nothing.
  ///
  /// - Returns: whether all could be read.
  func recoverJournals(_ uploads: StagedUploads, _ logger: Logger) throws(StoreError) -> Bool {
    let names = try posix(try files.store.folders?.names() ?? [])
    var isComplete = true
    for model in names.compactMap({ ModelName($0) }) {
      for (version, revisions) in try listing(of: model).journals {
        do throws(StoreError) {
          let loaded = try folder(of: model, version)
          uploads.exchange([], for: loaded?.folder.uploads ?? [])
          let counting = loaded.map { $0.folder.manifest?.revision ?? 0 }
          try removeJournals(of: model, version, revisions.filter { $0 != counting })
        } catch {
          logger.error("\(error)")
          isComplete = false
        }
      }
    }
    return isComplete
  }
}
