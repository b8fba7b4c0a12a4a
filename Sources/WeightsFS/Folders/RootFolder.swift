import StoreRecords
import WeightFormats
import WeightRegistry

/// The root of the mount: models, `.derived`, `.files` and `.control`.
struct RootFolder: TreeFolder {
  let tree: MountedTree
  var path: String { "" }

  func child(named name: String) -> Node? {
    if name == ".files" { return .names }
    if name == ".control" { return .control }
    if name == ".derived" { return .derived(.root) }
    return ModelName(name).flatMap { tree.hasModel($0) ? .model($0) : nil }
  }

  func children() -> [(name: String, node: Node)] {
    let models = tree.records.allModels.filter { tree.hasModel($0) }
    return [(".control", .control), (".derived", .derived(.root)), (".files", .names)]
      + models.map { ($0.text, .model($0)) }
  }

  func describe(_ attributes: inout FileAttributes) throws(FileSystemError) {
    if let modified = try tree.step(try tree.records.times.modifiedRoot()) { attributes.modified = modified }
  }

  func makeDirectory(_ name: String, permissions: UInt32) throws(FileSystemError) -> Node {
    if child(named: name) != nil { throw FileSystemError(.exists) }
    let model = try tree.step(try ModelName(validating: name))
    try tree.step(try tree.registry.folders.makeModel(model))
    return .model(model)
  }
}

/// `.files`: every view once more, under a professional name, and derived files.
struct NamesFolder: TreeFolder {
  let tree: MountedTree
  var path: String { ".files" }

  func child(named name: String) throws(FileSystemError) -> Node? {
    if let name = professionalName(name) { return .professionalName(name) }
    return try DerivedNames(tree: tree).name(of: name).map { .derived(.name($0)) }
  }

  func children() throws(FileSystemError) -> [(name: String, node: Node)] {
    var entries: [String: Node] = [:]
    for model in tree.records.models {
      let isAllShown = try tree.step(try tree.records.figures(of: model)).hiddenFiles == 0
      for version in try tree.step(try tree.records.versions(of: model)) {
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
    for name in try DerivedNames(tree: tree).listed() { entries[name.fileName] = .derived(.name(name)) }
    return entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The version that a name stands for: of several readings, the one with the longest model.
  private func professionalName(_ name: String) -> ProfessionalName? {
    ProfessionalName.readings(of: name).first { reading in
      reading.fileName == name && tree.records.contains(reading.model, reading.version)
        && WeightFormatCatalogue.view(named: reading.view) != nil && !isHidden(reading)
    }
  }

  /// Whether the file that a name stands for was removed from its folder.
  private func isHidden(_ name: ProfessionalName) -> Bool {
    do throws(StoreError) {
      return try tree.records.folder(of: name.model, name.version)?.content(at: "model.\(name.view)") == nil
    } catch {
      // Whoever opens it learns what is wrong.
      return false
    }
  }
}

/// A link of `.files`: `mamba_v1.0_pt.pt`.
struct ProfessionalLink: TreeLink {
  let tree: MountedTree
  let name: ProfessionalName

  func target() -> LinkTarget { LinkTarget("../\(name.model)/\(name.version)/model.\(name.view)") }

  func describe(_ attributes: inout FileAttributes) { attributes.size = target().bytes.count }
}
