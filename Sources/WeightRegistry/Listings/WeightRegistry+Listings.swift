import Logging
import Synchronization

extension WeightRegistry {
  typealias Place = VersionListings.Place

  /// The versions of a model and where the manifest of each lies; empty if there is no such model. Reads the model's folders
  /// when it is first asked for.
  func listing(of model: ModelName) throws(RegistryError) -> VersionListings.Listing {
    while true {
      let (known, generation) = state.withLock { ($0.listings[model], $0.generation) }
      if let known { return known }
      let found = try store.versions(of: model)
      state.withLock { state in
        // What changed meanwhile may have been read or not: then it is read again.
        if state.generation == generation { state.listings.take(found, of: model) }
      }
    }
  }

  /// As ``listing(of:)``; nil, and a line in the log, if the folders cannot be read.
  private func readableListing(of model: ModelName) -> VersionListings.Listing? {
    do throws(RegistryError) {
      return try listing(of: model)
    } catch {
      logger.error("the versions of \(model) cannot be listed: \(error)")
      return nil
    }
  }

  /// All models that have a version, in order. One whose folders cannot be read is among them: ``versions(of:)`` says why.
  package var models: [ModelName] {
    for model in state.withLock({ $0.listings.remaining }) { _ = readableListing(of: model) }
    return state.withLock { $0.listings.models }.sorted()
  }

  /// All models that have a version, and perhaps some that have none, in no order: nothing is read to tell.
  var modelFolders: [ModelName] { state.withLock { $0.listings.models } }

  /// Whether there is a version at all; true if that cannot be found out.
  package func contains(_ model: ModelName) -> Bool { readableListing(of: model)?.isEmpty != true }

  /// Whether there is such a version; true if that cannot be found out, so that nothing takes its place and whoever reads it
  /// learns why.
  package func contains(_ model: ModelName, _ version: VersionName) -> Bool {
    readableListing(of: model).map { $0[version] != nil } ?? true
  }

  /// The versions of a model, in natural order.
  package func versions(of model: ModelName) throws(RegistryError) -> [VersionName] {
    let listing = try listing(of: model)
    guard !listing.isEmpty else { throw unknown(model) }
    return listing.keys.sorted()
  }

  /// Whether the version is a training checkpoint.
  package func isCheckpoint(_ model: ModelName, _ version: VersionName) -> Bool {
    place(of: model, version) == .checkpoints
  }

  /// In which folder the version's manifest lies; nil if there is no such version.
  func place(of model: ModelName, _ version: VersionName) -> Place? { readableListing(of: model)?[version] }

  // MARK: Errors

  package func unknown(_ model: ModelName) -> RegistryError {
    RegistryError(
      .unknownModel, "there is no model \"\(model)\"" + NearMatch.hint(for: model.text, among: models.map(\.text)))
  }

  package func unknown(_ version: VersionName, of model: ModelName) -> RegistryError {
    let names = (readableListing(of: model) ?? [:]).keys.sorted().map(\.text)
    return RegistryError(
      .unknownVersion, "\(model) has no version \"\(version)\"" + NearMatch.hint(for: version.text, among: names))
  }
}
