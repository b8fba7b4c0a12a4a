package import StoreRecords

/// A file's path in a version's folder, or in a model's own (`VersionName.own`), whether or not there is such a file.
package struct FilePlace: Hashable, Sendable, CustomStringConvertible {
  var model: ModelName
  var version: VersionName
  /// `config.json`, `vocab/merges.txt`.
  @ExactName var path: String

  package init(model: ModelName, version: VersionName, path: String) {
    self.model = model
    self.version = version
    self.path = path
  }

  package var description: String { isInModel ? "\(model)/\(path)" : "\(model)/\(version)/\(path)" }

  /// Whether it is in a model's own folder. All files there are ordinary: nothing is published there.
  var isInModel: Bool { version == .own }

  /// The path of the folder that it is in; "" is the version's own.
  var folderPath: String { VersionFolder.split(path).folder }

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
