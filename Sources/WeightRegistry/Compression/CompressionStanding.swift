import BlobStore

/// How much of what a version needs is compressed.
package struct CompressionStanding: Sendable, Hashable, Codable {
  /// Blobs that are compressed.
  package var files = 0
  /// Bytes that they stand for, and that they take.
  package var bytes = 0
  package var storedBytes = 0
  /// The versions that some of them are differences from: `mamba/v1.0`, `mamba/v0.9@2`.
  package var against: [String] = []

  package init() {}

  /// Counts a blob, if it is compressed.
  mutating func add(_ blob: Blob) {
    guard let stored = blob.packedByteCount else { return }
    files += 1
    bytes += blob.byteCount
    storedBytes += stored
  }

  /// Counts what another counts.
  mutating func add(_ other: CompressionStanding) {
    files += other.files
    bytes += other.bytes
    storedBytes += other.storedBytes
  }

  /// `66%`; nil if nothing is compressed.
  package var percent: String? { bytes > 0 ? Self.percent(storedBytes, of: bytes) : nil }

  /// `66%`
  static func percent(_ part: Int, of whole: Int) -> String {
    whole > 0 ? "\((100 * part + whole / 2) / whole)%" : "100%"
  }
}
