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
      try changeDrafts { $0.models.insert(model) }
      made = .model(model)
    case .model(let model):
      let version = try registryStep(try VersionName(validating: name))
      try changeDrafts { $0[model, version] = Draft(model: model, version: version, made: Timestamp.now()) }
      made = .version(model, version)
    default:
      let place = try place(of: name, in: folder)
      if place.isWeights {
        throw FileSystemError(.invalid, "\(place) is the name of a weight file, not of a folder")
      }
      try registryStep(
        try registry.changeDraft(place.model, place.version) { draft in _ = draft.folders.insert(place.path) })
      made = .sidecarFolder(place.model, place.version, place.path)
    }
    return try item(made)
  }

  func changeDrafts(_ change: (inout DraftRecord) -> Void) throws(FileSystemError) {
    do throws(RegistryError) {
      try registry.changeDrafts { (record) throws(RegistryError) in change(&record) }
    } catch {
      throw FileSystemError(error)
    }
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
    let (model, version) = (place.model, place.version)
    let files = try files(of: model, version)
    guard let node = files.node(at: place.path) else {
      guard let writer = writers.writer(at: .version(place)) else { throw FileSystemError(.missing) }
      writer.facts.withLock { $0.place = nil }
      return
    }
    guard node.kind != .directory else { throw FileSystemError(.isDirectory) }
    if files.isPublished(place.path) {
      if registry.activeVersion(of: model) == version {
        throw refuse(
          FileSystemError(
            .busy,
            "\(place) is part of the active version of \(model), of which nothing can be removed; replace it, or "
              + "make another version active first"), model, version)
      }
      try registryStep(try registry.changeManifest(model, version) { $0.hide(place.path) })
    } else {
      try registryStep(try registry.changeDraft(model, version) { $0.remove(place.path) })
    }
    // The folder stays when its last file has gone.
    if case .sidecarFolder(_, _, let path) = folder, try self.files(of: model, version).node(at: path) == nil {
      try registryStep(try registry.changeDraft(model, version) { draft in _ = draft.folders.insert(path) })
    }
    // A writer that has nothing new must not bring the name back.
    for writer in writers.all where writer.current.place == .version(place) {
      try registryStep(try writer.noteWrites())
      writer.facts.withLock { facts in if !facts.isDirty { facts.place = nil } }
    }
  }

  package func removeDirectory(
    _ name: String, in parent: InodeNumber, caller: Caller
  ) throws(FileSystemError) {
    let folder = try node(parent)
    guard let child = try child(named: name, of: folder) else { throw FileSystemError(.missing) }
    switch child {
    case .model(let model):
      if registry.contains(model) || registry.drafts.drafts.contains(where: { $0.model == model }) {
        throw FileSystemError(.notEmpty, "\(model) still has versions; remove their folders first")
      }
      if try !registryStep(try registry.modelFiles(of: model)).isEmpty { throw FileSystemError(.notEmpty) }
      try changeDrafts { $0.models.remove(model) }
    case .version(let model, let version): try removeVersion(model, version, caller)
    case .sidecarFolder(let model, let version, let path):
      let files = try files(of: model, version)
      guard files.children(at: path + "/").isEmpty else { throw FileSystemError(.notEmpty) }
      try registryStep(try registry.changeDraft(model, version) { draft in _ = draft.folders.remove(path) })
    default:
      throw child.kind == .directory
        ? FileSystemError(.notPermitted, "\(child.path) is always there") : FileSystemError(.notDirectory)
    }
  }

  private func removeVersion(
    _ model: ModelName, _ version: VersionName, _ caller: Caller
  ) throws(FileSystemError) {
    let files = try files(of: model, version)
    do throws(FileSystemError) {
      if registry.activeVersion(of: model) == version {
        throw FileSystemError(.busy, "\(model)/\(version) is active; point active at another version first")
      }
      guard files.children(at: "").isEmpty else { throw FileSystemError(.notEmpty) }
      // The folder of a model stays when its last version has gone.
      try changeDrafts { $0.models.insert(model) }
      if registry.contains(model, version) {
        try registryStep(try registry.retire(model, version, by: Actor(uid: caller.uid, pid: caller.pid)))
      }
      try changeDrafts { $0[model, version] = nil }
    } catch {
      throw refuse(error, model, version)
    }
    for writer in writers.all {
      guard let place = writer.current.place?.place, place.model == model, place.version == version else { continue }
      writer.facts.withLock { $0.place = nil }
    }
  }
}
