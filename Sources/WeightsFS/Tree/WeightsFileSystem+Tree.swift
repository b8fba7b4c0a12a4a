import WeightFormats
import WeightRegistry

extension WeightsFileSystem {
  /// The node called `name` in a folder; nil if there is none. Reads at most a manifest.
  func child(named name: String, of folder: Node) throws(FileSystemError) -> Node? {
    switch folder {
    case .root:
      if name == ".files" { return .names }
      if name == ".control" { return .control }
      return ModelName(name).flatMap { hasModel($0) ? .model($0) : nil }
    case .model(let model):
      if let version = VersionName(name), hasVersion(model, version) { return .version(model, version) }
      if links(of: model)[name] != nil { return .link(model, name) }
      return try modelFileNode(name, of: model)
    case .version(let model, let version): return try files(of: model, version).node(at: name)
    case .sidecarFolder(let model, let version, let path):
      return try files(of: model, version).node(at: path + "/" + name)
    case .names: return professionalName(name).map { .professionalName($0) }
    case .control:
      if name == "versions" { return .records }
      return controls.contains { $0.name == name } ? .controlFile(name) : nil
    case .records: return ModelName(name).flatMap { registry.contains($0) ? .modelRecords($0) : nil }
    case .modelRecords(let model):
      return VersionName(name).flatMap { registry.contains(model, $0) ? .versionRecords(model, $0) : nil }
    case .versionRecords(let model, let version):
      return VersionRecord(rawValue: name).map { .record(model, version, $0) }
    case .link, .modelFile, .view, .sidecar, .kept, .staging, .professionalName, .controlFile, .record:
      throw FileSystemError(.notDirectory)
    }
  }

  /// Everything in a folder, in the order of a listing.
  func children(of folder: Node) throws(FileSystemError) -> [(name: String, node: Node)] {
    switch folder {
    case .root:
      return [(".control", .control), (".files", .names)] + allModels.map { ($0.text, .model($0)) }
    case .model(let model):
      let published = registry.contains(model) ? try registryStep(try registry.versions(of: model)) : []
      let versions = Set(published + registry.drafts.drafts.filter { $0.model == model }.map(\.version)).sorted()
      return links(of: model).keys.sorted().map { ($0, .link(model, $0)) }
        + versions.map { ($0.text, .version(model, $0)) }
        + (try registryStep(try registry.modelFiles(of: model))).map { ($0.name, Self.node($0, of: model)) }
    case .version(let model, let version): return try files(of: model, version).children(at: "")
    case .sidecarFolder(let model, let version, let path):
      return try files(of: model, version).children(at: path + "/")
    case .names:
      var entries: [String: Node] = [:]
      for model in registry.models {
        let isAllShown = try registryStep(try registry.figures(of: model)).hiddenFiles == 0
        for version in try registryStep(try registry.versions(of: model)) {
          // A name that several versions could have is shown once, as what a lookup of it finds.
          let isOnlyReading =
            !model.text.utf8.contains(UInt8(ascii: "_")) && !version.text.utf8.contains(UInt8(ascii: "_"))
          for view in WeightFormatCatalogue.views {
            let name = ProfessionalName(model: model, version: version, view: view.name)
            let found = isOnlyReading && isAllShown ? name : professionalName(name.fileName)
            if let found { entries[name.fileName] = .professionalName(found) }
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
    case .link, .modelFile, .view, .sidecar, .kept, .staging, .professionalName, .controlFile, .record:
      throw FileSystemError(.notDirectory)
    }
  }

  // MARK: Links

  /// The symbolic links in a model's folder and what they point to.
  func links(of model: ModelName) -> [String: VersionName] {
    let aliases = registry.aliases(of: model).merging(temporaryLinks.all(of: model)) { _, new in new }
    var links = Dictionary(aliases.map { ($0.key.text, $0.value) }, uniquingKeysWith: { first, _ in first })
    if let active = registry.activeLink(of: model) { links["active"] = active }
    return links
  }

  /// The version that a name of `.files` stands for: of several readings, the one with the longest model.
  private func professionalName(_ name: String) -> ProfessionalName? {
    ProfessionalName.readings(of: name).first { reading in
      reading.fileName == name && registry.contains(reading.model, reading.version)
        && WeightFormatCatalogue.view(named: reading.view) != nil && !isHidden(reading)
    }
  }

  /// Whether the file that a name of `.files` stands for was removed from its folder.
  private func isHidden(_ name: ProfessionalName) -> Bool {
    do throws(RegistryError) {
      return try registry.manifest(of: name.model, name.version).hides("model.\(name.view)")
    } catch {
      // Whoever opens it learns what is wrong.
      return false
    }
  }

  // MARK: What there is

  var allModels: [ModelName] {
    let drafts = registry.drafts
    return Set(registry.models + drafts.models + drafts.drafts.map(\.model)).sorted()
  }

  func hasModel(_ model: ModelName) -> Bool {
    if registry.contains(model) { return true }
    let drafts = registry.drafts
    return drafts.models.contains(model) || drafts.drafts.contains { $0.model == model }
  }

  func hasVersion(_ model: ModelName, _ version: VersionName) -> Bool {
    registry.contains(model, version) || registry.draft(of: model, version) != nil
  }

  /// What a version's folder shows.
  func files(of model: ModelName, _ version: VersionName) throws(FileSystemError) -> VersionFiles {
    let manifest = registry.contains(model, version) ? try manifest(model, version) : nil
    let draft = registry.draft(of: model, version)
    if manifest == nil, draft == nil { throw FileSystemError(.missing) }
    return VersionFiles(model: model, version: version, manifest: manifest, draft: draft)
  }
}
