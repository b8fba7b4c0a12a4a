import BlobStore
import PosixIO
import Synchronization
package import Tensors

extension WeightRegistry {
  /// The manifest of a version.
  package func manifest(of model: ModelName, _ version: VersionName) throws(RegistryError) -> Manifest {
    let key = ManifestKey(model: model, version: version)
    if let cached = state.withLock({ $0.manifests[key] }) { return cached }
    let listing = try listing(of: model)
    guard let place = listing[version] else { throw listing.isEmpty ? unknown(model) : unknown(version, of: model) }
    let folder = try folder(place)
    let bytes = try posix(
      try folder.folder(model.text).contents(of: version.text + ".json", limit: Self.manifestLimit))
    let manifest = try StoreCoding.decode(Manifest.self, from: bytes, what: "the manifest of \(model)/\(version)")
    try manifest.checkConsistency()
    guard manifest.model == model, manifest.version == version else {
      throw RegistryError(
        .damaged,
        "the manifest of \(model)/\(version) is damaged: it says it is that of \(manifest.model)/\(manifest.version)")
    }
    state.withLock { state in
      if state.manifests.count >= Self.cachedManifests { state.manifests.removeAll(keepingCapacity: true) }
      state.manifests[key] = manifest
    }
    return manifest
  }

  /// The manifest of a version as it is on disk; nil if that is the one given.
  func successor(of manifest: Manifest) throws(RegistryError) -> Manifest? {
    _ = state.withLock {
      $0.manifests.removeValue(forKey: ManifestKey(model: manifest.model, version: manifest.version))
    }
    let fresh = try self.manifest(of: manifest.model, manifest.version)
    return fresh == manifest ? nil : fresh
  }

  /// Reads and checks a table.
  package func table(_ digest: Digest) throws(RegistryError) -> Table {
    let bytes = try blobStore(try store.blobs.contents(of: digest, limit: 1 << 30))
    let table = try StoreCoding.decode(Table.self, from: bytes, what: "table \(digest)")
    try table.checkConsistency()
    return table
  }

  func folder(_ place: Place) throws(RegistryError) -> Folder {
    switch place {
    case .models: return store.models
    case .checkpoints:
      guard let checkpoints = store.checkpoints else {
        throw RegistryError(.readOnly, "the store at \(store.path) is open for reading only")
      }
      return checkpoints
    }
  }
}
