import StoreRecords

/// A file's path in a version's folder, or in a model's own (`VersionName.own`), whether or not there is such a file.
struct FilePlace: Hashable, Sendable, CustomStringConvertible {
  var model: ModelName
  var version: VersionName
  /// `config.json`, `vocab/merges.txt`.
  @ExactName var path: String

  var description: String { isInModel ? "\(model)/\(path)" : "\(model)/\(version)/\(path)" }

  /// Whether it is in a model's own folder. All files there are ordinary: nothing is published there.
  var isInModel: Bool { version == .own }

  /// The same path in another version.
  func moved(to model: ModelName, _ version: VersionName) -> FilePlace {
    FilePlace(model: model, version: version, path: path)
  }

  /// What becomes of a file that is closed under the name.
  var purpose: FilePurpose {
    if isInModel { return path.utf8.first == UInt8(ascii: ".") ? .temporary : .ordinary }
    return FilePurpose(path)
  }

  /// Whether closing it publishes it or is refused.
  var isWeights: Bool { purpose.isWeights }

  /// Whether closing it publishes it if it holds weights.
  var mayBeWeights: Bool { purpose.mayBeWeights }
}
