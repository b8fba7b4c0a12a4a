import BlobStore
package import StoreRecords
import Synchronization

/// What a store holds and what it presents. Counted when asked for, and again only after a change.
package final class StoreUsage: Sendable {
  /// The figures of a moment.
  package struct Figures: Sendable, Hashable, Codable {
    package var models: Int
    package var versions: Int
    /// Versions whose records are damaged; of them nothing else is counted. nil for none.
    package var unreadable: Int?
    package var files: Int
    /// Bytes of all files that a mount shows in version folders.
    package var presentedBytes: Int
    /// Bytes of all blobs, as they are on the disk.
    package var storedBytes: Int
    /// Bytes of those that are compressed.
    package var compressedBytes: Int
    /// Bytes of those of them that are differences from others.
    package var differenceBytes: Int

    /// A line for each figure.
    package var text: String {
      """
      models \(models)
      versions \(versions)
      files \(files)
      presented_bytes \(presentedBytes)
      stored_bytes \(storedBytes)
      compressed_bytes \(compressedBytes)
      difference_bytes \(differenceBytes)

      """ + (unreadable.map { "unreadable \($0)\n" } ?? "")
    }
  }

  private let records: RecordStore
  private let last = Mutex<(contents: UInt64, figures: Figures)?>(nil)

  package init(_ records: RecordStore) { self.records = records }

  /// The figures, counted at most once for each state of the records.
  package func current() throws(StoreError) -> Figures {
    let contents = records.contents
    if let known = last.withLock({ $0 }), known.contents == contents { return known.figures }
    var figures = Figures(
      models: 0, versions: 0, files: 0, presentedBytes: 0, storedBytes: 0, compressedBytes: 0, differenceBytes: 0)
    for model in records.modelFolders {
      let own = try records.figures(of: model)
      if own.versions > 0 { figures.models += 1 }
      figures.versions &+= own.versions
      figures.files &+= own.files
      if own.unreadable > 0 { figures.unreadable = (figures.unreadable ?? 0) &+ own.unreadable }
      figures.presentedBytes &+= own.presentedBytes
    }
    let usage = try blobStore(try records.store.blobs.usage())
    (figures.storedBytes, figures.compressedBytes, figures.differenceBytes) = (
      usage.bytes, usage.packedBytes, usage.differenceBytes
    )
    last.withLock { $0 = (contents, figures) }
    return figures
  }
}
