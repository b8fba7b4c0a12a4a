import StoreRecords

/// A file's path in a version's folder, whether or not there is such a file.
struct FilePlace: Hashable, Sendable, CustomStringConvertible {
  var model: ModelName
  var version: VersionName
  /// `config.json`, `vocab/merges.txt`.
  var path: String

  var description: String { "\(model)/\(version)/\(path)" }

  /// What becomes of a file that is closed under the name.
  var purpose: FilePurpose { FilePurpose(path) }

  /// Whether closing it publishes it or is refused.
  var isWeights: Bool { purpose.isWeights }

  /// Whether closing it publishes it if it holds weights.
  var mayBeWeights: Bool { purpose.mayBeWeights }
}
