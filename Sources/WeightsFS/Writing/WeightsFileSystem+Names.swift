import StoreRecords
import Synchronization
import WeightRegistry

extension WeightsFileSystem {
  package func makeDirectory(
    _ name: String, in parent: InodeNumber, caller: Caller
  ) throws(FileSystemError) -> DirectoryItem {
    let folder = try node(parent)
    if try child(named: name, of: folder) != nil { throw FileSystemError(.exists) }
    let made: Node
    switch folder {
    case .root:
      let model = try registryStep(try ModelName(validating: name))
      try registryStep(try registry.folders.makeModel(model))
      made = .model(model)
    case .model(let model):
      let version = try registryStep(try VersionName(validating: name))
      try registryStep(try registry.folders.makeVersion(model, version))
      made = .version(model, version)
    default:
      let place = try place(of: name, in: folder)
      if place.isWeights {
        throw FileSystemError(.invalid, "\(place) is the name of a weight file, not of a folder")
      }
      try change(place) { _ in [.makeFolder(place.path)] }
      made = .sidecarFolder(place.model, place.version, place.path)
    }
    return try item(made)
  }

  package func unlink(_ name: String, in parent: InodeNumber, caller: Caller) throws(FileSystemError) {
    let folder = try node(parent)
    if case .model(let model) = folder {
      switch try child(named: name, of: folder) {
      case .link, .version: return try unlinkLink(name, of: model, caller)
      default:
        if try !unlinkModelFile(name, of: model) { throw FileSystemError(.missing) }
        return
      }
    }
    let place = try place(of: name, in: folder)
    if try self.versionFolder(of: place.model, place.version).isFolder(place.path) {
      throw FileSystemError(.isDirectory)
    }
    do throws(FileSystemError) {
      // A writer must not bring the name back.
      try registryStep(
        try registry.folders.remove(
          place.path, of: place.model, place.version, forgettingWriters: { writers.forget(.version(place)) }))
    } catch {
      if error.errno == FileSystemError.Condition.missing.errno { throw FileSystemError(.missing) }
      throw refuse(error, place.model, place.version)
    }
  }

  package func removeDirectory(
    _ name: String, in parent: InodeNumber, caller: Caller
  ) throws(FileSystemError) {
    let folder = try node(parent)
    guard let child = try child(named: name, of: folder) else { throw FileSystemError(.missing) }
    switch child {
    case .model(let model):
      if try !registryStep(try modelFiles.files(of: model)).isEmpty { throw FileSystemError(.notEmpty) }
      do throws(StoreError) {
        try registry.folders.removeModel(model)
      } catch {
        throw error.code == .inUse ? FileSystemError(.notEmpty, error.message) : FileSystemError(error)
      }
      inodes.retire { $0 == child || $0 == .modelRecords(model) }
    case .version(let model, let version): try removeVersion(model, version, caller)
    case .sidecarFolder(let model, let version, let path):
      let place = FilePlace(model: model, version: version, path: path)
      var isEmpty = false
      try change(place) { folder in
        isEmpty = folder.isEmpty(path)
        return isEmpty ? [.removeFolder(path)] : []
      }
      if !isEmpty { throw FileSystemError(.notEmpty) }
      inodes.retire { $0 == child }
    default:
      throw child.kind == .directory
        ? FileSystemError(.notPermitted, "\(child.path) is always there") : FileSystemError(.notDirectory)
    }
  }

  private func removeVersion(
    _ model: ModelName, _ version: VersionName, _ caller: Caller
  ) throws(FileSystemError) {
    do throws(FileSystemError) {
      try registryStep(
        try registry.folders.removeVersion(
          model, version, by: Actor(uid: caller.uid, pid: caller.pid),
          forgettingWriters: { writers.forget(in: model, version) }))
    } catch {
      throw refuse(error, model, version)
    }
  }
}
