import DerivedViews
import StoreRecords
import WeightRegistry

/// The name of a derived file outside the mount: `mamba_v1.0_Q8_0.gguf`.
struct DerivedName: Hashable, Sendable {
  let model: ModelName
  let version: VersionName
  /// `Q8_0`
  let type: String

  /// Tensors of a version whose files are listed in `.files`: the table of one with more takes long to read.
  static let listedTensorLimit = 10_000

  var fileName: String { "\(model)_\(version)_\(type).gguf" }

  /// In the version's folder of `.derived`.
  var path: String { "model-\(type).gguf" }

  /// Every way to read a file's name as such a name, longest model first.
  static func readings(of fileName: String) -> [DerivedName] {
    for type in DerivedCatalogue.ggufTypes {
      let ending = "_\(type).gguf"
      guard fileName.hasSuffix(ending) else { continue }
      let stem = fileName.dropLast(ending.count)
      return stem.indices.reversed().filter { stem[$0] == "_" }.compactMap { separator in
        guard let model = ModelName(stem[..<separator]),
          let version = VersionName(stem[stem.index(after: separator)...])
        else { return nil }
        return DerivedName(model: model, version: version, type: type)
      }
    }
    return []
  }
}

/// A link of `.files` to a derived file.
struct DerivedNameLink: TreeLink {
  let tree: MountedTree
  let name: DerivedName

  func target() -> LinkTarget { LinkTarget("../.derived/\(name.model)/\(name.version)/\(name.path)") }

  func describe(_ attributes: inout FileAttributes) {
    attributes.size = target().bytes.count
    attributes.isCacheable = false
  }
}

/// The names of `.files` that lead to derived files.
struct DerivedNames {
  let tree: MountedTree

  /// What a name stands for: of several readings, the one with the longest model.
  func name(of fileName: String) throws(FileSystemError) -> DerivedName? {
    for name in DerivedName.readings(of: fileName) where tree.records.contains(name.model, name.version) {
      let folder = try tree.versionFolder(of: name.model, name.version)
      if try tree.step(try tree.derived.listing(of: folder))?.file(name.path) != nil { return name }
    }
    return nil
  }

  /// The names that are listed: those of active versions. Other versions have names, too, but to list them all would read the
  /// tables of all versions.
  func listed() throws(FileSystemError) -> [DerivedName] {
    var names: [DerivedName] = []
    for model in tree.records.models {
      guard let version = tree.records.activeVersion(of: model), tree.hasVersion(model, version) else { continue }
      let folder = try tree.versionFolder(of: model, version)
      guard folder.manifest?.main.map({ $0.tensorCount <= DerivedName.listedTensorLimit }) == true,
        let listing = try tree.step(try tree.derived.listing(of: folder))
      else { continue }
      for type in DerivedCatalogue.ggufTypes {
        let name = DerivedName(model: model, version: version, type: type)
        if listing.file(name.path) != nil, try self.name(of: name.fileName) == name { names.append(name) }
      }
    }
    return names
  }
}
