import WeightFormats
import WeightRegistry

extension WeightsFileSystem {
  /// The node called `name` in a folder; nil if there is none. Reads at most a manifest.
  func child(named name: String, of folder: Node) throws(FileSystemError) -> Node? {
    switch folder {
    case .root:
      if name == ".files" { return .names }
      if name == ".control" { return .control }
      return ModelName(name).flatMap { registry.contains($0) ? .model($0) : nil }
    case .model(let model):
      if let version = VersionName(name), registry.contains(model, version) { return .version(model, version) }
      return links(of: model)[name] != nil ? .link(model, name) : nil
    case .version(let model, let version): return try file(named: name, at: "", of: model, version)
    case .sidecarFolder(let model, let version, let path):
      return try file(named: name, at: path + "/", of: model, version)
    case .names: return professionalName(name).map { .professionalName($0) }
    case .control:
      if name == "versions" { return .records }
      return controls.contains { $0.name == name } ? .controlFile(name) : nil
    case .records: return ModelName(name).flatMap { registry.contains($0) ? .modelRecords($0) : nil }
    case .modelRecords(let model):
      return VersionName(name).flatMap { registry.contains(model, $0) ? .versionRecords(model, $0) : nil }
    case .versionRecords(let model, let version):
      return VersionRecord(rawValue: name).map { .record(model, version, $0) }
    case .link, .view, .sidecar, .professionalName, .controlFile, .record: throw FileSystemError(.notDirectory)
    }
  }

  /// Everything in a folder, in the order of a listing.
  func children(of folder: Node) throws(FileSystemError) -> [(name: String, node: Node)] {
    switch folder {
    case .root:
      return [(".control", .control), (".files", .names)] + registry.models.map { ($0.text, .model($0)) }
    case .model(let model):
      let versions = try registryStep(try registry.versions(of: model))
      return links(of: model).keys.sorted().map { ($0, .link(model, $0)) }
        + versions.map { ($0.text, .version(model, $0)) }
    case .version(let model, let version): return try files(at: "", of: model, version)
    case .sidecarFolder(let model, let version, let path): return try files(at: path + "/", of: model, version)
    case .names:
      var entries: [String: Node] = [:]
      for model in registry.models {
        for version in try registryStep(try registry.versions(of: model)) {
          for view in WeightFormatCatalogue.views {
            let name = ProfessionalName(model: model, version: version, view: view.name)
            // A name that several versions could have is shown once, as what a lookup of it finds.
            if let found = professionalName(name.fileName) { entries[name.fileName] = .professionalName(found) }
          }
        }
      }
      return entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    case .control: return controls.map { ($0.name, .controlFile($0.name)) } + [("versions", .records)]
    case .records: return registry.models.map { ($0.text, .modelRecords($0)) }
    case .modelRecords(let model):
      return try registryStep(try registry.versions(of: model)).map { ($0.text, .versionRecords(model, $0)) }
    case .versionRecords(let model, let version):
      return VersionRecord.allCases.map { ($0.rawValue, .record(model, version, $0)) }
    case .link, .view, .sidecar, .professionalName, .controlFile, .record: throw FileSystemError(.notDirectory)
    }
  }

  // MARK: Links

  /// The symbolic links in a model's folder and what they point to.
  func links(of model: ModelName) -> [String: VersionName] {
    var links = Dictionary(
      registry.aliases(of: model).map { ($0.key.text, $0.value) }, uniquingKeysWith: { first, _ in first })
    if let active = registry.activeVersion(of: model) { links["active"] = active }
    return links
  }

  /// The version that a name of `.files` stands for: of several readings, the one with the longest model.
  private func professionalName(_ name: String) -> ProfessionalName? {
    ProfessionalName.readings(of: name).first { reading in
      reading.fileName == name && registry.contains(reading.model, reading.version)
        && WeightFormatCatalogue.view(named: reading.view) != nil
    }
  }

  // MARK: Files of a version

  private func file(
    named name: String, at prefix: String, of model: ModelName, _ version: VersionName
  ) throws(FileSystemError) -> Node? {
    let manifest = try registryStep(try registry.manifest(of: model, version))
    if prefix.isEmpty {
      for view in WeightFormatCatalogue.views where view.fileName == name {
        return manifest.views[view.name] != nil ? .view(model, version, view.name) : nil
      }
    }
    let path = prefix + name
    if manifest.sidecars.contains(where: { $0.path == path }) { return .sidecar(model, version, path) }
    if manifest.sidecars.contains(where: { $0.path.hasPrefix(path + "/") }) {
      return .sidecarFolder(model, version, path)
    }
    return nil
  }

  private func files(
    at prefix: String, of model: ModelName, _ version: VersionName
  ) throws(FileSystemError) -> [(name: String, node: Node)] {
    let manifest = try registryStep(try registry.manifest(of: model, version))
    var entries: [(name: String, node: Node)] = []
    if prefix.isEmpty {
      for view in WeightFormatCatalogue.views where manifest.views[view.name] != nil {
        entries.append((view.fileName, .view(model, version, view.name)))
      }
    }
    var folders: Set<Substring> = []
    for sidecar in manifest.sidecars where sidecar.path.hasPrefix(prefix) {
      let rest = sidecar.path.dropFirst(prefix.count)
      if let slash = rest.firstIndex(of: "/") {
        let name = rest[..<slash]
        if folders.insert(name).inserted {
          entries.append((String(name), .sidecarFolder(model, version, prefix + name)))
        }
      } else {
        entries.append((String(rest), .sidecar(model, version, sidecar.path)))
      }
    }
    return entries
  }
}
