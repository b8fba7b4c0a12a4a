import WeightFormats

extension Manifest.Sidecar {
  /// How deep sidecars may lie.
  package static let depthLimit = 8

  /// Why `path` cannot be that of a file in a version's folder, as the end of a sentence; nil if it can.
  package static func problem(ofPath path: String) -> String? {
    let components = path.split(separator: "/", omittingEmptySubsequences: false)
    if components.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." || $0.utf8.contains(0) }) {
      return "has a name that no file can have"
    }
    if components.contains(where: { $0.utf8.count > 255 }) { return "has a name of more than 255 bytes" }
    if components.count > depthLimit { return "lies more than \(depthLimit) folders deep" }
    if WeightFormatCatalogue.views.contains(where: { $0.fileName == components[0] }) {
      return "has the name of a view"
    }
    return nil
  }
}
