import PosixIO
import SystemPackage

/// In which folder a version's manifest lies.
package enum ManifestFolder: String, Sendable, Hashable, CaseIterable { case models, checkpoints }

/// What the store's folders tell of a model by names alone.
package struct ModelListing: Sendable {
  /// The published versions, and where the manifest of each lies.
  package internal(set) var published: [VersionName: ManifestFolder] = [:]
  /// Versions that have a journal, by revision: a published version of that revision, or a draft (0).
  var journals: [VersionName: Set<Int>] = [:]
  /// Whether the model's folder was made by somebody and stays without a version.
  package internal(set) var isMade = false

  /// Versions that are folders without weights.
  package var drafts: [VersionName] {
    journals.compactMap { $0.key != .own && published[$0.key] == nil && $0.value.contains(0) ? $0.key : nil }
  }

  /// Whether the folder of a published version has changed since its manifest was written.
  var hasPublishedJournals: Bool { journals.keys.contains { published[$0] != nil } }

  /// Everything that holds files: versions, drafts, and the model's own folder.
  package var folders: [VersionName] { published.keys + drafts + (journals[.own] == nil ? [] : [.own]) }

  var isEmpty: Bool { published.isEmpty && journals.isEmpty && !isMade }
}

/// Which versions each model has. A model's folders are read when somebody first asks for it, so that nothing costs with the
/// models that nobody asks for.
struct VersionListings: Sendable {
  private var listed: [ModelName: ModelListing] = [:]
  /// Models whose folders have not been read.
  private var unlisted: Set<ModelName>

  init(unlisted: Set<ModelName>) { self.unlisted = unlisted }

  /// The versions of a model, none if there is no such model; nil if its folders have not been read.
  subscript(model: ModelName) -> ModelListing? {
    if let listing = listed[model] { return listing }
    return unlisted.contains(model) ? nil : ModelListing()
  }

  /// All models that have something or have not been looked at.
  var models: [ModelName] { listed.compactMap { $0.value.isEmpty ? nil : $0.key } + unlisted }

  /// Models that have not been looked at.
  var remaining: Set<ModelName> { unlisted }

  /// Takes over what was read of a model's folders; what is known already is newer.
  mutating func take(_ listing: ModelListing, of model: ModelName) {
    if unlisted.remove(model) != nil { listed[model] = listing }
  }

  /// Forgets what was read of a model.
  mutating func forget(_ model: ModelName) {
    listed[model] = nil
    unlisted.insert(model)
  }

  /// Changes what is known of a model that has been looked at, or that is new.
  mutating func change(_ model: ModelName, _ change: (inout ModelListing) -> Void) {
    guard !unlisted.contains(model) else { return }
    change(&listed[model, default: ModelListing()])
  }
}

extension StoreFolder {
  /// Where manifests lie.
  var manifestFolders: [(folder: Folder, kind: ManifestFolder)] {
    [(models, .models)] + (checkpoints.map { [($0, .checkpoints)] } ?? [])
  }

  /// Every model that has a folder; it need not hold anything.
  func modelFolders() throws(StoreError) -> Set<ModelName> {
    var names: Set<ModelName> = []
    for folder in manifestFolders.map(\.folder) + (folders.map { [$0] } ?? []) {
      names.formUnion(try posix(try folder.names()).compactMap { ModelName($0) })
    }
    return names
  }

  /// What names tell of a model.
  func listing(of model: ModelName) throws(StoreError) -> ModelListing {
    var listing = ModelListing()
    for (parent, kind) in manifestFolders {
      for name in try ifThere(try parent.folder(model.text).names()) ?? [] where name.hasSuffix(".json") {
        if let version = VersionName(name.dropLast(5)) { listing.published[version] = kind }
      }
    }
    if let folders, let names = try ifThere(try folders.folder(model.text).names()) {
      listing.isMade = true
      for name in names {
        guard let (version, revision) = FolderJournal.parse(fileName: name) else { continue }
        listing.journals[version, default: []].insert(revision)
      }
    }
    return listing
  }
}
