import StoreRecords

/// A file's path in a version's folder, whether or not there is such a file.
struct FilePlace: Hashable, Sendable, CustomStringConvertible {
  var model: ModelName
  var version: VersionName
  /// `config.json`, `vocab/merges.txt`.
  @ExactName var path: String

  var description: String { "\(model)/\(version)/\(path)" }

  /// The same path in another version.
  func moved(to model: ModelName, _ version: VersionName) -> FilePlace {
    FilePlace(model: model, version: version, path: path)
  }

  /// What becomes of a file that is closed under the name.
  var purpose: FilePurpose { FilePurpose(path) }

  /// Whether closing it publishes it.
  var isWeights: Bool { purpose.isWeights }
}
