/// The name of a weight file outside the mount: `<model>_<version>_<format>.<extension>`, as `mamba_v1.0_pt.pt`.
package struct ProfessionalName: Sendable, Hashable {
  package var model: ModelName
  package var version: VersionName
  /// `safetensors`, `pt` or `bin`.
  package var view: String

  package init(model: ModelName, version: VersionName, view: String) {
    self.model = model
    self.version = version
    self.view = view
  }

  /// `mamba_v1.0_pt.pt`.
  package var fileName: String { "\(model)_\(version)_\(view).\(view)" }

  /// Every way to read `fileName` as such a name: since models and versions may hold underscores there can be several,
  /// longest model first. Only the view is certain.
  package static func readings(of fileName: String) -> [ProfessionalName] {
    guard let dot = fileName.lastIndex(of: ".") else { return [] }
    let stem = fileName[..<dot]
    guard let mark = stem.lastIndex(of: "_") else { return [] }
    let view = String(stem[stem.index(after: mark)...])
    let rest = stem[..<mark]
    return rest.indices.reversed().filter { rest[$0] == "_" }.compactMap { separator in
      guard let model = ModelName(rest[..<separator]), let version = VersionName(rest[rest.index(after: separator)...])
      else { return nil }
      return ProfessionalName(model: model, version: version, view: view)
    }
  }
}
