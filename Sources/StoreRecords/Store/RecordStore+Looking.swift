import Logging
package import PosixIO

/// What there is, as everybody may ask.
extension RecordStore {
  /// What the model's folders tell of it. Reads them when it is first asked for.
  package func listing(of model: ModelName) throws(StoreError) -> ModelListing { try cache.listing(of: model) }

  /// As ``listing(of:)``; nil, and a line in the log, if the folders cannot be read.
  func readableListing(of model: ModelName) -> ModelListing? {
    do throws(StoreError) {
      return try listing(of: model)
    } catch {
      logger.error("the versions of \(model) cannot be listed: \(error)")
      return nil
    }
  }

  private func listAll() {
    for model in cache.withLock({ $0.listings.remaining }) { _ = readableListing(of: model) }
  }

  /// All models that have a version, in order. One whose folders cannot be read is among them: ``versions(of:)`` says why.
  package var models: [ModelName] {
    listAll()
    return cache.withLock { memory in
      memory.listings.models.filter { memory.listings[$0].map { !$0.published.isEmpty } ?? true }
    }.sorted()
  }

  /// All models that are folders: with versions, drafts, or made by somebody.
  package var allModels: [ModelName] {
    listAll()
    return cache.withLock { $0.listings.models }.sorted()
  }

  /// The folders of versions in which files are kept until they become something else; those that cannot be read are left out.
  package func foldersWithUploads() -> [(model: ModelName, version: VersionName, folder: VersionFolder)] {
    if uploads.named.isEmpty { return [] }
    var found: [(model: ModelName, version: VersionName, folder: VersionFolder)] = []
    for model in allModels {
      for version in (readableListing(of: model)?.journals.keys).map({ $0.sorted() }) ?? [] {
        do throws(StoreError) {
          guard let folder = try folder(of: model, version), !folder.uploads.isEmpty else { continue }
          found.append((model, version, folder))
        } catch {
          logger.error("\(error)")
        }
      }
    }
    return found
  }

  /// All models that have a version, and perhaps some that have none, in no order: nothing is read to tell.
  package var modelFolders: [ModelName] { cache.withLock { $0.listings.models } }

  /// Whether there is a version at all; true if that cannot be found out.
  package func contains(_ model: ModelName) -> Bool { readableListing(of: model)?.published.isEmpty != true }

  /// Whether the model is a folder: it has versions or drafts, or somebody has made it.
  package func hasFolder(_ model: ModelName) -> Bool {
    guard let listing = readableListing(of: model) else { return true }
    return !listing.published.isEmpty || !isReader && (listing.isMade || !listing.drafts.isEmpty)
  }

  /// Whether there is such a version; true if that cannot be found out, so that nothing takes its place and whoever reads it
  /// learns why.
  package func contains(_ model: ModelName, _ version: VersionName) -> Bool {
    readableListing(of: model).map { $0.published[version] != nil } ?? true
  }

  /// Whether there is such a version, or a draft.
  package func hasFolder(_ model: ModelName, _ version: VersionName) -> Bool {
    if version == .own { return hasFolder(model) }
    guard let listing = readableListing(of: model) else { return true }
    return listing.published[version] != nil || !isReader && listing.journals[version]?.contains(0) == true
  }

  /// The versions of a model, in natural order.
  package func versions(of model: ModelName) throws(StoreError) -> [VersionName] {
    let listing = try listing(of: model)
    guard !listing.published.isEmpty else { throw unknown(model) }
    return listing.published.keys.sorted()
  }

  /// Folders of a model that hold no version yet, in natural order.
  package func drafts(of model: ModelName) throws(StoreError) -> [VersionName] {
    isReader ? [] : try listing(of: model).drafts.sorted()
  }

  /// In which folder the version's manifest lies; nil if there is no such version.
  package func manifestFolder(of model: ModelName, _ version: VersionName) -> ManifestFolder? {
    readableListing(of: model)?.published[version]
  }

  /// Whether the version is a training checkpoint.
  package func isCheckpoint(_ model: ModelName, _ version: VersionName) -> Bool {
    manifestFolder(of: model, version) == .checkpoints
  }

  /// The folder of a published version.
  ///
  /// - Throws: `unknownModel`; `unknownVersion`.
  package func published(_ model: ModelName, _ version: VersionName) throws(StoreError) -> VersionFolder {
    let listing = try listing(of: model)
    guard listing.published[version] != nil, let folder = try folder(of: model, version), folder.isPublished else {
      throw listing.published.isEmpty ? unknown(model) : unknown(version, of: model)
    }
    return folder
  }

  /// The manifest of a version, with all that has changed since it was written.
  package func manifest(of model: ModelName, _ version: VersionName) throws(StoreError) -> Manifest {
    guard let manifest = try published(model, version).completeManifest else { throw unknown(version, of: model) }
    return manifest
  }

  // MARK: What is decided

  /// What is decided about a model.
  package func record(of model: ModelName) -> WeightConfig.Model {
    cache.withLock { $0.config.models[model] } ?? .init()
  }

  /// The version that the model's users get; nil if none is.
  package func activeVersion(of model: ModelName) -> VersionName? {
    record(of: model).active.flatMap { contains(model, $0) ? $0 : nil }
  }

  /// What a model's `active` link says, whether or not there is such a version.
  package func activeLink(of model: ModelName) -> VersionName? { record(of: model).active }

  /// The model's other symbolic links.
  package func aliases(of model: ModelName) -> [VersionName: VersionName] {
    cache.withLock { $0.config.models[model]?.aliases ?? [:] }
  }

  /// Names of the links to a version, `active` first.
  package func links(to version: VersionName, of model: ModelName) -> [String] {
    (activeVersion(of: model) == version ? ["active"] : [])
      + aliases(of: model).filter { $0.value == version }.map(\.key.text).sorted()
  }

  /// How a model is handled, whether or not it exists.
  package func policies(of model: ModelName) -> ModelPolicies {
    cache.withLock { ModelPolicies($0.config.models[model]?.policies ?? .init(), storeWide: $0.config.policies) }
  }

  /// What was decided about all models of the store.
  package var storeWidePolicies: PolicySettings { cache.withLock { $0.config.policies } }

  /// How a model's active version came about, oldest switch first.
  package func history(of model: ModelName) throws(StoreError) -> [ActiveSwitch] {
    try require(model)
    let record = record(of: model)
    if let history = record.history { return history }
    return try SwitchHistory(folder: store.history).switches(of: model, until: record.lastSwitch)
  }

  /// `weight_config.json` as it stands.
  package func configuration() throws(StoreError) -> [UInt8] {
    try StoreCoding.encode(cache.withLock { $0.config }, pretty: true)
  }

  /// The store's format; it stays until ``StoreUpgrade``.
  package var formatNumber: Int { cache.withLock { $0.config.format } }

  /// Space on the file system that holds the store.
  package func volume() throws(StoreError) -> VolumeStatus { try posix(try store.root.volume()) }

  // MARK: Figures

  /// Rises with every change of models and versions; not with a change of what is active.
  package var contents: UInt64 { cache.withLock { $0.contents } }

  /// Tells that blobs have gone.
  package func noteCollection() { cache.withLock { $0.contents += 1 } }

  /// What the versions of a model show. The index answers for folders that it knows as they are; of others every folder is
  /// read, once until one changes.
  package func figures(of model: ModelName) throws(StoreError) -> ModelFigures {
    let (known, generation) = cache.withLock { ($0.figures[model], $0.generation) }
    if let known { return known }
    // Of what journals say the index knows nothing. Most models have none: then nobody lists their versions.
    let hasJournals = try posix(try store.folders?.status(of: model.text)) != nil
    let isIndexed = hasJournals ? try !listing(of: model).hasPublishedJournals : true
    let indexed = isIndexed ? try index.figures(of: model) : nil
    var figures = indexed ?? ModelFigures()
    for version in indexed == nil ? try Array(listing(of: model).published.keys) : [] {
      do throws(StoreError) {
        if let own = try folder(of: model, version)?.figures { figures = figures + own }
      } catch  where error.code == .damaged {
        figures.versions += 1
        figures.unreadable += 1
      }
    }
    let found = figures
    cache.withLock { memory in
      if memory.generation == generation { memory.figures[model] = found }
    }
    return figures
  }

  // MARK: Errors

  /// - Throws: `unknownModel` if there is no version; `unknownVersion` if there is not that one.
  package func require(_ model: ModelName, _ version: VersionName? = nil) throws(StoreError) {
    guard contains(model) else { throw unknown(model) }
    if let version, !contains(model, version) { throw unknown(version, of: model) }
  }

  /// The version that a link of this name leads to; the name itself if there is no such link.
  package func resolved(_ name: VersionName, of model: ModelName) -> VersionName { aliases(of: model)[name] ?? name }

  /// That there is no such model, and what is like it.
  package func unknown(_ model: ModelName) -> StoreError { MissingName(records: self).error(for: model) }

  /// That a model has no such version, and what is like it.
  package func unknown(_ version: VersionName, of model: ModelName) -> StoreError {
    MissingName(records: self).error(for: version, of: model)
  }
}
