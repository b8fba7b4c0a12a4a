/// Bytes that records may have: for reading and writing alike, so that nothing is written that cannot be read.
package struct RecordLimits: Sendable {
  /// Of a manifest, and of a backup.
  package var manifest = 256 << 20
  /// Of a journal of a version's folder.
  package var journal = 256 << 20

  /// Of a table.
  package var table = 1 << 30

  package init() {}
}
