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

extension MountedTree {
  /// The derived file that a name of `.files` stands for: of several readings, the one with the longest model.
  func derivedName(_ fileName: String) throws(FileSystemError) -> DerivedName? {
    for name in DerivedName.readings(of: fileName) where records.contains(name.model, name.version) {
      let folder = try versionFolder(of: name.model, name.version)
      if try step(try derived.listing(of: folder))?.file(name.path) != nil { return name }
    }
    return nil
  }

  /// The derived files that `.files` lists: those of active versions. Others have names, too, but to list them all would read the
  /// tables of all versions.
  func derivedNames() throws(FileSystemError) -> [DerivedName] {
    var names: [DerivedName] = []
    for model in records.models {
      guard let version = records.activeVersion(of: model), hasVersion(model, version) else { continue }
      let folder = try versionFolder(of: model, version)
      guard folder.manifest?.main.map({ $0.tensorCount <= DerivedName.listedTensorLimit }) == true,
        let listing = try step(try derived.listing(of: folder))
      else { continue }
      for type in DerivedCatalogue.ggufTypes {
        let name = DerivedName(model: model, version: version, type: type)
        if listing.file(name.path) != nil, try derivedName(name.fileName) == name { names.append(name) }
      }
    }
    return names
  }
}
