package import StoreRecords

/// What each version presents and what it costs on disk, from records alone: no tensor data is read.
package struct StoreStatistics: Sendable, Hashable, Codable {
  package struct Version: Sendable, Hashable, Codable {
    package var model: ModelName
    package var version: VersionName
    /// Bytes of all files that a mount shows for it.
    package var presentedBytes: Int
    /// Bytes of the blobs that it needs, as they are on the disk, each once; some may serve other versions too.
    package var storedBytes: Int
    /// Bytes of the blobs that no other version needs.
    package var ownBytes: Int
    /// Bytes in its packs of tensors that the store holds more than once: in another pack, or twice in one.
    package var duplicatedBytes: Int
    /// What of its blobs is compressed.
    package var compressed: CompressionStanding
  }

  /// In order of models and versions.
  package var versions: [Version]
  /// What is damaged, so that it is not counted.
  package var damage: [String] = []
  /// Bytes of all files that a mount shows.
  package var presentedBytes: Int
  /// Bytes of all blobs.
  package var storedBytes: Int
  /// Bytes of blobs that no listed version needs: what removed and backed-up versions keep, and what awaits collection.
  package var otherBytes: Int
  /// Bytes of tensors that could be saved by storing each of them once.
  package var duplicateBytes: Int
}
