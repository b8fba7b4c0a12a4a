import StoreRecords

/// Where the files of a version, or of a folder in one, are when that has got another name.
enum PlaceMove {
  case version(from: (model: ModelName, version: VersionName), to: (model: ModelName, version: VersionName))
  case folder(FolderMove, in: ModelName, VersionName)

  /// The new place of a file; nil for one that stays.
  func place(of place: FilePlace) -> FilePlace? {
    switch self {
    case .version(let old, let new):
      guard (place.model, place.version) == old else { return nil }
      return FilePlace(model: new.model, version: new.version, path: place.path)
    case .folder(let move, let model, let version):
      guard (place.model, place.version) == (model, version) else { return nil }
      return move.path(of: place.path).map { FilePlace(model: model, version: version, path: $0) }
    }
  }

  /// What a node is now; nil for one that stays.
  func node(_ node: Node) -> Node? {
    switch (node, self) {
    case (.sidecarFolder(let place), _): self.place(of: place).map { .sidecarFolder($0) }
    case (.sidecar(let place, let edition), _): self.place(of: place).map { .sidecar($0, edition) }
    case (.kept(let place, let edition), _): self.place(of: place).map { .kept($0, edition) }
    case (.ordinary(let place), _): self.place(of: place).map { .ordinary($0) }
    case (.folderLink(let place), _): self.place(of: place).map { .folderLink($0) }
    case (_, .version(let old, let new)) where node.version.map { $0 == old } ?? false:
      node.moved(to: new.model, new.version)
    default: nil
    }
  }
}
