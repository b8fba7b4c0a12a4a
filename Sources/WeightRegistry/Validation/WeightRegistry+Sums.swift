import Synchronization
import Tensors

extension WeightRegistry {
  /// `SHA256SUMS` of a version, in the format of `sha256sum`: sidecars, and views that have been validated.
  package func knownSums(of model: ModelName, _ version: VersionName) throws(RegistryError) -> String {
    let manifest = try manifest(of: model, version)
    var lines = manifest.sidecars.map { "\($0.digest)  \($0.path)\n" }
    for view in manifest.views.keys.sorted() {
      let key = ViewSumKey(content: manifest.content(of: view), view: view)
      if let digest = viewSums.withLock({ $0[key] }) ?? index.sum(of: view, content: key.content) {
        lines.append("\(digest)  model.\(view)\n")
      }
    }
    return lines.joined()
  }

  /// Remembers the plain SHA-256 of a view.
  func remember(_ digest: Digest, of view: String, _ manifest: Manifest) throws(RegistryError) {
    let key = ViewSumKey(content: manifest.content(of: view), view: view)
    viewSums.withLock { $0[key] = digest }
    try index.remember(digest, of: view, content: key.content)
  }
}
