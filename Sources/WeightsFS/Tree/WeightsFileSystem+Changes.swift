import WeightFormats
import WeightRegistry

extension WeightsFileSystem {
  package func observeChanges(_ observer: @escaping @Sendable (TreeChange) -> Void) {
    registry.observe { [inodes] change in
      for (folder, name) in Self.names(touchedBy: change) {
        observer(TreeChange(parent: inodes.number(of: folder), name: name))
      }
    }
  }

  /// Every name that may have come, gone, or lead to other bytes.
  private static func names(touchedBy change: RegistryChange) -> [(folder: Node, name: String)] {
    switch change {
    case .published(let manifest), .removed(let manifest):
      let (model, version) = (manifest.model, manifest.version)
      var names: [(Node, String)] = [
        (.model(model), version.text), (.root, model.text), (.modelRecords(model), version.text),
        (.records, model.text),
      ]
      for view in WeightFormatCatalogue.views {
        names.append((.version(model, version), view.fileName))
        names.append((.names, ProfessionalName(model: model, version: version, view: view.name).fileName))
      }
      for sidecar in manifest.sidecars {
        let parts = sidecar.path.split(separator: "/")
        let folder = parts.dropLast().joined(separator: "/")
        let parent: Node = folder.isEmpty ? .version(model, version) : .sidecarFolder(model, version, folder)
        if let name = parts.last { names.append((parent, String(name))) }
      }
      return names
    }
  }
}
