import PosixIO
import StoreRecords
import Synchronization
import WeightRegistry

extension WeightsFileSystem {
  package func rename(
    _ name: String, in parent: InodeNumber, to newName: String, in newParent: InodeNumber, _ mode: RenameMode,
    caller: Caller, isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    if mode == .exchanging { throw FileSystemError(.invalid, "names cannot be exchanged here") }
    let (folder, newFolder) = (try node(parent), try node(newParent))
    if folder == newFolder, name == newName { return }
    switch (folder, newFolder) {
    case (.root, .root): try renameModel(name, to: newName, caller)
    case (.model(let model), .model(let newModel)):
      switch try child(named: name, of: folder) {
      case .link where model == newModel: try renameLink(name, to: newName, of: model, mode, caller)
      case .version(_, let version):
        try renameVersion(model, version, to: newName, of: newModel, caller)
      case .link: throw FileSystemError(.crossDevice)
      default:
        guard try renameModelFile(name, of: model, to: newName, of: newModel, mode, isInterrupted) else {
          throw FileSystemError(.missing)
        }
      }
    case (.version, .version), (.version, .sidecarFolder), (.sidecarFolder, .version), (.sidecarFolder, .sidecarFolder):
      let (from, to) = (try place(of: name, in: folder), try place(of: newName, in: newFolder))
      try renameFile(from, to: to, mode, isInterrupted)
    default: throw FileSystemError(.crossDevice)
    }
  }

  private func renameModel(_ name: String, to newName: String, _ caller: Caller) throws(FileSystemError) {
    guard let model = ModelName(name), hasModel(model) else { throw FileSystemError(.missing) }
    let newModel = try registryStep(try ModelName(validating: newName))
    if hasModel(newModel) { throw FileSystemError(.exists) }
    if records.contains(model) {
      throw FileSystemError(
        .notPermitted, "\(model) has published versions and keeps its name; copy it: cp -r \(model) \(newModel)")
    }
    // Both are there while files move: whenever that ends, nothing is lost.
    try registryStep(try registry.folders.makeModel(newModel))
    for file in try registryStep(try modelFiles.files(of: model)) {
      try registryStep(try modelFiles.move(file.name, of: model, to: file.name, of: newModel))
    }
    for version in try registryStep(try records.drafts(of: model)) {
      try move(model, version, to: newModel, version, Actor(uid: caller.uid, pid: caller.pid))
    }
    try registryStep(try registry.folders.removeModel(model))
    inodes.rename { $0 == .model(model) ? .model(newModel) : nil }
  }

  private func renameVersion(
    _ model: ModelName, _ version: VersionName, to newName: String, of newModel: ModelName, _ caller: Caller
  ) throws(FileSystemError) {
    let newVersion = try registryStep(try VersionName(validating: newName))
    if links(of: newModel)[newName] != nil { throw FileSystemError(.exists) }
    do throws(FileSystemError) {
      try move(model, version, to: newModel, newVersion, Actor(uid: caller.uid, pid: caller.pid))
    } catch {
      throw refuse(error, model, version)
    }
  }

  /// Gives a version or a draft another name, with all that is open in it.
  private func move(
    _ model: ModelName, _ version: VersionName, to newModel: ModelName, _ newVersion: VersionName, _ actor: Actor
  ) throws(FileSystemError) {
    try registryStep(
      try registry.folders.move(
        model, version, to: newModel, newVersion, by: actor,
        whileLocked: {
          writers.move(model, version, to: newModel, newVersion)
          // What stood under the new name was empty, and is gone.
          inodes.retire { $0 == .version(newModel, newVersion) }
          inodes.rename { node in
            guard let own = node.version, own.model == model, own.version == version else { return nil }
            return node.moved(to: newModel, newVersion)
          }
        }))
  }

  private func renameFile(
    _ from: FilePlace, to: FilePlace, _ mode: RenameMode, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    let files = try versionFolder(of: from.model, from.version)
    let target = try node(at: to)
    if target?.kind == .directory { throw FileSystemError(.isDirectory) }
    if target != nil, mode == .keeping { throw FileSystemError(.exists) }
    guard let content = files.content(at: from.path) else {
      guard let writer = writers.writer(at: .version(from)) else {
        // A folder: mv copies it and removes it.
        throw FileSystemError(files.node(at: from.path) == nil ? .missing : .crossDevice)
      }
      return try rename(writer, .version(from), to: .version(to), isInterrupted)
    }
    let isReplacing = target != nil && mode == .replacing && (from.model, from.version) == (to.model, to.version)
    if files.isPublished(from.path), !isReplacing, records.activeVersion(of: from.model) == from.version {
      throw refuse(
        FileSystemError(.busy, "\(from) is part of the active version of \(from.model), and stays where it is"),
        from.model, from.version)
    }
    try install(content, of: files, at: to, isMove: true, isInterrupted)
    try change(from, Interruption(isInterrupted)) { folder in
      // A version that was published meanwhile has taken the draft's files over.
      files.isPublished(from.path)
        ? folder.removal(of: from.path).map { [$0] } ?? [] : [.remove(from.path)]
    }
    for writer in writers.all where writer.current.place == .version(from) {
      writer.facts.withLock { facts in
        facts.place = .version(to)
        if to.isWeights, !facts.isDirty { facts.isFrozen = true }
      }
    }
  }

  /// Renames a file that is still open: its bytes count as they are now, as if it had been closed.
  func rename(
    _ writer: Writer, _ from: Destination, to: Destination, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    try inTurn(writer) { () throws(FileSystemError) in
      if to.isWeights, try registryStep(try writer.byteCount()) == 0 {
        throw refuse(FileSystemError(.invalid, "\(to) is empty; nothing was published"), at: to)
      }
      let wasDirty = writer.current.isDirty
      writer.facts.withLock { facts in
        facts.place = to
        facts.isDirty = true
        facts.hasTruncated = true
        facts.refusal = nil
      }
      do throws(FileSystemError) {
        try commitInTurn(writer, isLast: true, isInterrupted: isInterrupted)
      } catch {
        writer.facts.withLock { facts in
          facts.place = from
          facts.isDirty = wasDirty
          facts.refusal = nil
        }
        throw error
      }
    }
  }
}
