package import StoreRecords
import Tensors

extension Validation {
  /// `SHA256SUMS` of a version, in the format of `sha256sum`: ordinary files, and views that have been validated.
  package func knownSums(of model: ModelName, _ version: VersionName) throws(StoreError) -> String {
    let manifest = try records.manifest(of: model, version)
    var lines = manifest.files.compactMap { file in file.digest.map { "\($0)  \(file.path)\n" } }
    for view in (manifest.main?.views ?? [:]).keys.sorted() {
      guard let content = manifest.content(of: view), let digest = records.index.sum(of: view, content: content) else {
        continue
      }
      lines.append("\(digest)  model.\(view)\n")
    }
    return lines.joined()
  }

  /// Remembers the plain SHA-256 of a view.
  func remember(_ digest: Digest, of view: String, _ manifest: Manifest) throws(StoreError) {
    guard let content = manifest.content(of: view) else { return }
    try records.index.remember(digest, of: view, content: content)
  }
}
