import PosixIO

/// The model's own folder.
extension ModelTransaction {
  /// Makes the model a folder that stays without a version.
  package func makeModel() throws(StoreError) {
    if try cache.listing(of: model).isMade { return }
    let isNewModel = !store.hasFolder(model)
    let folders = try store.store.forWriting(store.store.folders)
    _ = try posix(try folders.makeFolder(model.text))
    cache.withLock { memory in
      memory.listings.change(model) { $0.isMade = true }
      memory.noteChange(of: model)
    }
    if isNewModel { store.times.noteEntries(of: model, isNewModel: true) }
  }

  /// Takes the model's folder away, which holds nothing.
  ///
  /// - Throws: `inUse` if it holds something.
  package func removeModel() throws(StoreError) {
    let listing = try cache.listing(of: model)
    guard listing.published.isEmpty, listing.drafts.isEmpty else {
      throw StoreError(.inUse, "\(model) still has versions; remove their folders first")
    }
    guard try folder(.own)?.isEmpty() != false else { throw StoreError(.inUse, "\(model) still has files") }
    for (version, revisions) in listing.journals {
      try cache.removeJournals(of: model, version, revisions)
      cache.withLock { $0.change(model, version, to: nil) }
    }
    let folders = try store.store.forWriting(store.store.folders)
    try posix(try folders.removeFolder(model.text))
    try posix(try folders.synchronize())
    cache.withLock { memory in
      memory.listings.change(model) { $0.isMade = false }
      memory.noteChange(of: model)
    }
    store.times.forget(model)
    store.times.noteRoot()
  }

  /// - Throws: `alreadyExists` if a file in the model's own folder has the name.
  package func requireNoFile(named name: VersionName) throws(StoreError) {
    guard try folder(.own)?.entry(at: name.text) != nil else { return }
    throw StoreError(.alreadyExists, "\(model)/\(name) is a file: remove it, or choose another name")
  }
}
