import StoreRecords
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
    case .version(let model, let version): return try versionFolder(of: model, version).node(at: name)
    case .sidecarFolder(let model, let version, let path):
      return try versionFolder(of: model, version).node(at: path + "/" + name)
    case .names: return professionalName(name).map { .professionalName($0) }
    case .control:
      if name == "versions" { return .records }
      return controls.contains { $0.name == name } ? .controlFile(name) : nil
    case .records: return ModelName(name).flatMap { records.contains($0) ? .modelRecords($0) : nil }
    case .modelRecords(let model):
      return VersionName(name).flatMap { records.contains(model, $0) ? .versionRecords(model, $0) : nil }
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
      let published = try registryStep(try records.listing(of: model)).published.keys
      let versions = (published + (try registryStep(try records.drafts(of: model)))).sorted()
      return links(of: model).keys.sorted().map { ($0, .link(model, $0)) }
        + versions.map { ($0.text, .version(model, $0)) }
        + (try registryStep(try modelFiles.files(of: model))).map { ($0.name, Self.node($0, of: model)) }
    case .version(let model, let version): return try versionFolder(of: model, version).nodes(in: "")
    case .sidecarFolder(let model, let version, let path):
      return try versionFolder(of: model, version).nodes(in: path)
    case .names:
      var entries: [String: Node] = [:]
      for model in records.models {
        let isAllShown = try registryStep(try records.figures(of: model)).hiddenFiles == 0
        for version in try registryStep(try records.versions(of: model)) {
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
    case .records: return records.models.map { ($0.text, .modelRecords($0)) }
    case .modelRecords(let model):
      return try registryStep(try records.versions(of: model)).map { ($0.text, .versionRecords(model, $0)) }
    case .versionRecords(let model, let version):
      return VersionRecord.allCases.map { ($0.rawValue, .record(model, version, $0)) }
    case .link, .modelFile, .view, .sidecar, .kept, .staging, .professionalName, .controlFile, .record:
      throw FileSystemError(.notDirectory)
    }
  }

  // MARK: Links

  /// The symbolic links in a model's folder and what they point to.
  func links(of model: ModelName) -> [String: VersionName] {
    let aliases = records.aliases(of: model).merging(temporaryLinks.all(of: model)) { _, new in new }
    var links = Dictionary(aliases.map { ($0.key.text, $0.value) }, uniquingKeysWith: { first, _ in first })
    if let active = records.activeLink(of: model) { links["active"] = active }
    return links
  }

  /// The version that a name of `.files` stands for: of several readings, the one with the longest model.
  private func professionalName(_ name: String) -> ProfessionalName? {
    ProfessionalName.readings(of: name).first { reading in
      reading.fileName == name && records.contains(reading.model, reading.version)
        && WeightFormatCatalogue.view(named: reading.view) != nil && !isHidden(reading)
    }
  }

  /// Whether the file that a name of `.files` stands for was removed from its folder.
  private func isHidden(_ name: ProfessionalName) -> Bool {
    do throws(StoreError) {
      return try records.folder(of: name.model, name.version)?.content(at: "model.\(name.view)") == nil
    } catch {
      // Whoever opens it learns what is wrong.
      return false
    }
  }

  // MARK: What there is

  var allModels: [ModelName] { records.allModels.filter { hasModel($0) } }

  func hasModel(_ model: ModelName) -> Bool { records.hasFolder(model) }

  func hasVersion(_ model: ModelName, _ version: VersionName) -> Bool { records.hasFolder(model, version) }

  /// What a version's folder holds.
  func versionFolder(of model: ModelName, _ version: VersionName) throws(FileSystemError) -> VersionFolder {
    guard hasVersion(model, version), let folder = try registryStep(try records.folder(of: model, version)) else {
      throw FileSystemError(.missing)
    }
    return folder
  }
}
