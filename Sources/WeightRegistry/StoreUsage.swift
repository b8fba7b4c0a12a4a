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
  private let last = Mutex<(contents: UInt64, figures: Figures)?>(nil)

  package init(registry: WeightRegistry) { self.registry = registry }

  /// The figures, counted at most once for each state of the registry.
  package func current() throws(RegistryError) -> Figures {
    let contents = registry.contents
    if let known = last.withLock({ $0 }), known.contents == contents { return known.figures }
    var figures = Figures(models: 0, versions: 0, files: 0, presentedBytes: 0, storedBytes: 0)
    for model in registry.modelFolders {
      let own = try registry.figures(of: model)
      if own.versions > 0 { figures.models += 1 }
      figures.versions += own.versions
      figures.files += own.files
      figures.presentedBytes += own.presentedBytes
    }
    figures.storedBytes = try blobStore(try registry.store.blobs.storedByteCount())
    last.withLock { $0 = (contents, figures) }
    return figures
  }
}
