import PosixIO
import SystemPackage

/// Which versions each model has: the names in the folders of manifests. A model's folders are read when somebody first asks
/// for it, so that nothing costs with the models that nobody asks for.
struct VersionListings: Sendable {
  /// In which folder a version's manifest lies.
  enum Place: Sendable { case models, checkpoints }

  /// A model's versions, and where the manifest of each lies.
  typealias Listing = [VersionName: Place]

  private var listed: [ModelName: Listing] = [:]
  /// Models whose folders have not been read.
  private var unlisted: Set<ModelName>

  init(unlisted: Set<ModelName>) { self.unlisted = unlisted }

  /// The versions of a model, empty if there is no such model; nil if its folders have not been read.
  subscript(model: ModelName) -> Listing? {
    if let listing = listed[model] { return listing }
    return unlisted.contains(model) ? nil : [:]
  }

  /// All models that have versions or have not been looked at.
  var models: [ModelName] { listed.compactMap { $0.value.isEmpty ? nil : $0.key } + unlisted }

  /// Models that have not been looked at.
  var remaining: Set<ModelName> { unlisted }

  /// Takes over what was read of a model's folders; what is known already is newer.
  mutating func take(_ listing: Listing, of model: ModelName) {
    if unlisted.remove(model) != nil { listed[model] = listing }
  }

  /// Forgets what was read of a model.
  mutating func forget(_ model: ModelName) {
    listed[model] = nil
    unlisted.insert(model)
  }

  /// Adds a version to a model that has been looked at, or that is new; with nil removes it.
  mutating func set(_ version: VersionName, of model: ModelName, to place: Place?) {
    guard !unlisted.contains(model) else { return }
    listed[model, default: [:]][version] = place
  }
}

extension StoreFolder {
  private func folders() -> [(Folder, VersionListings.Place)] {
    [(models, .models)] + (checkpoints.map { [($0, .checkpoints)] } ?? [])
  }

  /// Every model that has a folder; it need not hold anything.
  func modelFolders() throws(RegistryError) -> Set<ModelName> {
    var names: Set<ModelName> = []
    for (folder, _) in folders() { names.formUnion(try posix(try folder.names()).compactMap { ModelName($0) }) }
    return names
  }

  /// The versions of a model by the names of manifests; empty if there is no such model.
  func versions(of model: ModelName) throws(RegistryError) -> VersionListings.Listing {
    var listing: VersionListings.Listing = [:]
    for (parent, place) in folders() {
      do throws(PosixError) {
        for name in try parent.folder(model.text).names() where name.hasSuffix(".json") {
          if let version = VersionName(name.dropLast(5)) { listing[version] = place }
        }
      } catch  where error.errno == .noSuchFileOrDirectory {
        // It has versions of the other kind, or it has just gone.
      } catch {
        throw RegistryError(error)
      }
    }
    return listing
  }

  /// Whether a manifest is there.
  func hasManifest(_ model: ModelName, _ version: VersionName) throws(RegistryError) -> Bool {
    for (parent, _) in folders() {
      do throws(PosixError) {
        if try parent.folder(model.text).status(of: version.text + ".json") != nil { return true }
      } catch  where error.errno == .noSuchFileOrDirectory {
        continue
      } catch {
        throw RegistryError(error)
      }
    }
    return false
  }
}
