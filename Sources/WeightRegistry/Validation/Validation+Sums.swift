package import StoreRecords
import Tensors

extension Validation {
  /// `SHA256SUMS` of a version, in the format of `sha256sum`: ordinary files, and views and
  /// components that have been validated.
  package func knownSums(of model: ModelName, _ version: VersionName) throws(StoreError) -> String {
    let manifest = try records.manifest(of: model, version)
    var lines = manifest.files.compactMap { file in file.digest.map { "\($0)  \(file.path)\n" } }
    for view in (manifest.main?.views ?? [:]).keys.sorted() {
      guard let content = manifest.content(of: view), let digest = records.index.sum(of: view, content: content) else {
        continue
      }
      lines.append("\(digest)  model.\(view)\n")
    }
    for file in manifest.parts {
      if let digest = records.index.sum(of: Self.fileItself, content: file.blob) {
        lines.append("\(digest)  \(file.path)\n")
      }
    }
    return lines.joined()
  }

  /// Stands for a weight file as it was written, beside the names of views.
  private static let fileItself = "file"

  /// Remembers the plain SHA-256 of a weight file that is no view.
  func remember(_ digest: Digest, of file: WeightRecord) throws(StoreError) {
    try records.index.remember(digest, of: Self.fileItself, content: file.blob)
  }

  /// Remembers the plain SHA-256 of a view.
  func remember(_ digest: Digest, of view: String, _ manifest: Manifest) throws(StoreError) {
    guard let content = manifest.content(of: view) else { return }
    try records.index.remember(digest, of: view, content: content)
  }
}
