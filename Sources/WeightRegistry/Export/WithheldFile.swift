import StoreRecords
import WeightFormats

/// A file that is not handed on with its version, because unpickling it could run code.
package struct WithheldFile: Sendable, Hashable, Codable {
  /// Its path in the version.
  package var path: String
  /// What unpickling it would do.
  package var reason: String
}

extension ViewCatalogue {
  /// The files of a version that the policy of its model keeps in the store, in the order of the manifest.
  func withheld(of manifest: Manifest) throws(StoreError) -> [WithheldFile] {
    guard records.policies(of: manifest.model).pickles == .quarantine else { return [] }
    var withheld: [WithheldFile] = []
    for file in manifest.files where file.weights == nil {
      let view = try open(file)
      if let reason = try parsing(file.path, try view.danger()) {
        withheld.append(WithheldFile(path: file.path, reason: reason))
      }
    }
    return withheld
  }
}
