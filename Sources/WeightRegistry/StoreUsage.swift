import BlobStore
import Synchronization

/// What a store holds and what it presents. Counted when asked for, and again only after a change.
package final class StoreUsage: Sendable {
  /// The figures of a moment.
  package struct Figures: Sendable, Hashable, Codable {
    package var models: Int
    package var versions: Int
    package var files: Int
    /// Bytes of all files that a mount shows in version folders.
    package var presentedBytes: Int
    /// Bytes of all blobs.
    package var storedBytes: Int

    /// A line for each figure.
    package var text: String {
      """
      models \(models)
      versions \(versions)
      files \(files)
      presented_bytes \(presentedBytes)
      stored_bytes \(storedBytes)

      """
    }
  }

  private let registry: WeightRegistry
  private let last = Mutex<(generation: UInt64, figures: Figures)?>(nil)

  package init(registry: WeightRegistry) { self.registry = registry }

  /// The figures, counted at most once for each state of the registry.
  package func current() throws(RegistryError) -> Figures {
    let generation = registry.generation
    if let known = last.withLock({ $0 }), known.generation == generation { return known.figures }
    var figures = Figures(models: 0, versions: 0, files: 0, presentedBytes: 0, storedBytes: 0)
    for model in registry.models {
      figures.models += 1
      for version in try registry.versions(of: model) {
        let manifest = try registry.manifest(of: model, version)
        figures.versions += 1
        figures.files += manifest.views.count + manifest.sidecars.count
        for size in manifest.views.values { figures.presentedBytes += size }
        for sidecar in manifest.sidecars { figures.presentedBytes += sidecar.byteCount }
      }
    }
    figures.storedBytes = try blobStore(try registry.store.blobs.storedByteCount())
    last.withLock { $0 = (generation, figures) }
    return figures
  }
}
