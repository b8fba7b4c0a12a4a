import StoreRecords
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
    if case .view = place.purpose { return place }
    if let problem = FilePurpose.problem(ofPath: place.path) {
      throw FileSystemError(.invalid, "\(place) \(problem)")
    }
    return place
  }

  /// Where a file is to be made that gets a name in a folder.
  ///
  /// - Throws: `EPERM` for folders that hold no such files; `EINVAL` for a name that no file there may have.
  func destination(of name: String, in folder: Node) throws(FileSystemError) -> Destination {
    guard case .model(let model) = folder else { return .version(try place(of: name, in: folder)) }
    try requireModelFileName(name, of: model)
    return .model(model, name: name)
  }

  /// The same without an error: nil where no file can be made.
  private func possibleDestination(of name: String, in folder: Node) -> Destination? {
    switch folder {
    case .version(let model, let version): .version(FilePlace(model: model, version: version, path: name))
    case .sidecarFolder(let model, let version, let path):
      .version(FilePlace(model: model, version: version, path: path + "/" + name))
    case .model(let model) where ModelFile.canBeCalled(name): .model(model, name: name)
    default: nil
    }
  }

  /// What is shown where a file is to be made; nil for nothing.
  func node(at destination: Destination) throws(FileSystemError) -> Node? {
    switch destination {
    case .version(let place): try node(at: place)
    case .model(let model, let name): try child(named: name, of: .model(model))
    }
  }

  /// What is shown at a place; nil for nothing.
  func node(at place: FilePlace) throws(FileSystemError) -> Node? {
    try versionFolder(of: place.model, place.version).node(at: place.path)
  }

  /// What `caller` finds under a name: as others do, but for the file that it is about to write.
  func child(named name: String, of folder: Node, for caller: Caller) throws(FileSystemError) -> Node? {
    guard let destination = possibleDestination(of: name, in: folder) else {
      let child = try child(named: name, of: folder)
      // The link that came with the first version gives way to one that somebody makes.
      if case .link(let model, "active") = child,
        ExclusiveCreation.isUnderWay(
          by: caller.pid, of: .symbolicLink, { $0.suffix(2).elementsEqual([model.text[...], "active"]) }),
        try registryStep(try registry.activation.hasDefaultActive(model))
      {
        return nil
      }
      return child
    }
    if let number = writers.expected(at: destination, by: caller.pid) { return .staging(number) }
    if let child = try node(at: destination) {
      // A published file can be made anew: what is accepted replaces it, or is the same.
      if let place = destination.place, try versionFolder(of: place.model, place.version).isPublished(place.path),
        ExclusiveCreation.isUnderWay(by: caller.pid, of: .file, { leads($0, to: place) })
      {
        return nil
      }
      return child
    }
    return writers.writer(at: destination).map { .staging($0.number) }
  }

  /// Whether a path, cut at its slashes, ends as one to `place` does, by the version's name or by that of a link to it.
  private func leads(_ path: [Substring], to place: FilePlace) -> Bool {
    var names: [Substring] = []
    for name in path where name != "." {
      if name == ".." { _ = names.popLast() } else { names.append(name) }
    }
    let file = place.path.split(separator: "/")
    guard names.count >= file.count + 2, names.suffix(file.count).elementsEqual(file) else { return false }
    let folder = names.dropLast(file.count).suffix(2)
    guard let model = folder.first, let version = folder.last, model == place.model.text else { return false }
    return version == place.version.text || links(of: place.model)[String(version)] == place.version
  }

  /// As ``refuse(_:_:_:)``, for a file that is to be made; a model's own folder has no such xattr. Of several files with one
  /// name the reason tells which.
  func refuse(_ error: FileSystemError, at destination: Destination) -> FileSystemError {
    guard let place = destination.place else { return error }
    var error = error
    if error.reason.hasPrefix("\(place.path): ") { error.reason = "\(place.model)/\(place.version)/\(error.reason)" }
    return refuse(error, place.model, place.version)
  }

  /// Notes why something was refused, for `.control/log` and the folder's xattr, and answers with the error.
  func refuse(_ error: FileSystemError, _ model: ModelName, _ version: VersionName) -> FileSystemError {
    if !error.reason.isEmpty {
      refusals[model, version] = error.reason
    }
    return error
  }
}
