import WeightRegistry

extension WeightsFileSystem {
  /// The path that a name in a folder stands for, in a version.
  ///
  /// - Throws: `EPERM` for folders that hold no files of versions; `EINVAL` for a name that no file there may have.
  func place(of name: String, in folder: Node) throws(FileSystemError) -> FilePlace {
    let place: FilePlace
    switch folder {
    case .version(let model, let version): place = FilePlace(model: model, version: version, path: name)
    case .sidecarFolder(let model, let version, let path):
      place = FilePlace(model: model, version: version, path: path + "/" + name)
    default:
      throw FileSystemError(
        .notPermitted,
        "\(folder.path)/\(name): files can be made only in the folder of a version: mkdir MODEL/VERSION first"
      )
    }
    if case .weights = place.purpose { return place }
    if let problem = Manifest.Sidecar.problem(ofPath: place.path) {
      throw FileSystemError(.invalid, "\(place) \(problem)")
    }
    return place
  }

  /// The same without an error: nil for folders that hold no files of versions.
  private func possiblePlace(of name: String, in folder: Node) -> FilePlace? {
    switch folder {
    case .version(let model, let version): FilePlace(model: model, version: version, path: name)
    case .sidecarFolder(let model, let version, let path):
      FilePlace(model: model, version: version, path: path + "/" + name)
    default: nil
    }
  }

  /// What is shown at a place; nil for nothing.
  func node(at place: FilePlace) throws(FileSystemError) -> Node? {
    try files(of: place.model, place.version).node(at: place.path)
  }

  /// What `caller` finds under a name: as others do, but for the file that it is about to write.
  func child(named name: String, of folder: Node, for caller: Caller) throws(FileSystemError) -> Node? {
    guard let place = possiblePlace(of: name, in: folder) else { return try child(named: name, of: folder) }
    if let number = writers.expected(at: place, by: caller.pid) { return .staging(number) }
    let files = try files(of: place.model, place.version)
    if let child = files.node(at: place.path) {
      // A published file can be made anew: what is accepted replaces it, or is the same.
      if files.isPublished(place.path), ExclusiveCreation.isUnderWay(by: caller.pid) { return nil }
      return child
    }
    return writers.writer(at: place).map { .staging($0.number) }
  }

  /// Notes why something was refused, for `.control/log` and the folder's xattr, and answers with the error.
  func refuse(_ error: FileSystemError, _ model: ModelName, _ version: VersionName) -> FileSystemError {
    if !error.reason.isEmpty {
      refusals[model, version] = error.reason
    }
    return error
  }
}
