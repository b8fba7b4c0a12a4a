import Dispatch
import PosixIO
import StoreRecords
import Synchronization
import WeightRegistry

/// Gives something in the tree another name.
struct Renaming {
  let tree: MountedTree
  let mode: RenameMode
  let caller: Caller
  let isInterrupted: @Sendable () -> Bool

  func rename(_ name: String, in folder: Node, to newName: String, in newFolder: Node) throws(FileSystemError) {
    switch (folder.entry(in: tree), newFolder.entry(in: tree)) {
    case (is RootFolder, is RootFolder): try renameModel(name, to: newName)
    case (let old as ModelFolder, let new as ModelFolder):
      switch try old.child(named: name) {
      case .link where old.model == new.model:
        try VersionLink(tree: tree, model: old.model, name: name).rename(to: newName, mode, by: caller)
      case .link: throw FileSystemError(.crossDevice)
      case .version(let model, let version): try renameVersion(model, version, to: newName, of: new)
      default: try renameOwnFile(name, of: old, to: newName, of: new)
      }
    case (let old as VersionDirectory, let new as VersionDirectory):
      try renameFile(try old.place(of: name), to: try new.place(of: newName))
    default: throw FileSystemError(.crossDevice)
    }
  }

  // MARK: Models and versions

  private func renameModel(_ name: String, to newName: String) throws(FileSystemError) {
    guard let model = ModelName(name), tree.hasModel(model) else { throw FileSystemError(.missing) }
    let newModel = try tree.step(try ModelName(validating: newName))
    if tree.hasModel(newModel) { throw FileSystemError(.exists) }
    if tree.records.contains(model) {
      throw FileSystemError(
        .notPermitted, "\(model) has published versions and keeps its name; copy it: cp -r \(model) \(newModel)")
    }
    // Both are there while files move: whenever that ends, nothing is lost.
    let folders = tree.registry.folders
    try tree.step(try folders.makeModel(newModel))
    for file in try tree.step(try tree.modelFiles.files(of: model)) {
      try tree.step(try tree.modelFiles.move(file.name, of: model, to: file.name, of: newModel))
    }
    for version in try tree.step(try tree.records.drafts(of: model)) {
      try move(model, version, to: newModel, version)
    }
    try tree.step(try folders.removeModel(model))
    tree.inodes.rename(.model(model), to: .model(newModel))
  }

  private func renameVersion(
    _ model: ModelName, _ version: VersionName, to newName: String, of new: ModelFolder
  ) throws(FileSystemError) {
    let newVersion = try tree.step(try VersionName(validating: newName))
    if new.links[newName] != nil { throw FileSystemError(.exists) }
    do throws(FileSystemError) {
      try move(model, version, to: new.model, newVersion)
    } catch {
      throw tree.refuse(error, model, version)
    }
  }

  /// Gives a version or a draft another name, with all that is open in it.
  private func move(
    _ model: ModelName, _ version: VersionName, to newModel: ModelName, _ newVersion: VersionName
  ) throws(FileSystemError) {
    try tree.step(
      try tree.registry.folders.move(
        model, version, to: newModel, newVersion, by: Actor(caller),
        whileLocked: {
          tree.writers.move(model, version, to: newModel, newVersion)
          tree.ordinary.move(model, version, to: newModel, newVersion)
          // What stood under the new name was empty, and is gone.
          tree.inodes.retire(.version(newModel, newVersion))
          tree.inodes.rename { node in
            guard let own = node.version, own.model == model, own.version == version else { return nil }
            return node.moved(to: newModel, newVersion)
          }
        }))
  }

  // MARK: Files

  /// Renames a file in models' folders, closed or still open: then its bytes count as they are now.
  private func renameOwnFile(
    _ name: String, of old: ModelFolder, to newName: String, of new: ModelFolder
  ) throws(FileSystemError) {
    let (from, to) = (Destination.model(old.model, name: name), Destination.model(new.model, name: newName))
    let isThere = try old.ownFile(named: name) != nil
    let writer = tree.writers.writer(at: from)
    guard isThere || writer != nil else { throw FileSystemError(.missing) }
    let existing = try new.child(named: newName)
    if existing != nil, mode == .keeping { throw FileSystemError(.exists) }
    if existing?.kind == .directory { throw FileSystemError(.isDirectory) }
    if existing?.kind == .symbolicLink {
      throw FileSystemError(.exists, "\(to) is a link; remove it first, or point it elsewhere with ln -sfn")
    }
    _ = try new.destination(of: newName)
    if isThere {
      try tree.step(try tree.modelFiles.move(name, of: old.model, to: newName, of: new.model))
      for writer in tree.writers.all where writer.current.destination == from {
        writer.facts.withLock { $0.destination = to }
      }
    } else if let writer {
      try rename(writer, from, to: to)
    }
  }

  private func renameFile(_ from: FilePlace, to: FilePlace) throws(FileSystemError) {
    let folder = try tree.versionFolder(of: from.model, from.version)
    let target = try tree.node(at: to)
    if target?.kind == .directory { throw FileSystemError(.isDirectory) }
    if target != nil, mode == .keeping { throw FileSystemError(.exists) }
    guard let content = folder.content(at: from.path) else {
      guard let writer = tree.writers.writer(at: .version(from)) else {
        // A folder: mv copies it and removes it.
        throw FileSystemError(folder.node(at: from.path) == nil ? .missing : .crossDevice)
      }
      return try rename(writer, .version(from), to: .version(to))
    }
    if folder.isPublished(from.path) { try tree.requireChangeable(from) }
    if case .ordinary = target { try tree.requireChangeable(to) }
    if from.purpose.isOrdinary, to.purpose.isOrdinary { return try moveOrdinary(from, to: to) }
    let open = tree.ordinary[from]
    let copying = Copying(tree: tree, place: to, isInterrupted: isInterrupted)
    let move = { () throws(FileSystemError) in
      try copying.install(content, of: folder, isMove: true)
      try tree.change(from, Interruption(isInterrupted)) { current in
        // A version that was published meanwhile has taken the draft's files over.
        folder.isPublished(from.path)
          ? current.removal(of: from.path).map { [$0] } ?? [] : [.remove(from.path)]
      }
    }
    if let open { try open.freezing(move) } else { try move() }
    if from.purpose.isOrdinary { tree.removeOrdinary(from) }
    if to.purpose.isOrdinary { tree.removeOrdinary(to) }
    let isPublished = try tree.isPublishedWeights(.version(to))
    for writer in tree.writers.all where writer.current.destination == .version(from) {
      writer.facts.withLock { facts in
        facts.destination = .version(to)
        if isPublished, !facts.isDirty { facts.isFrozen = true }
      }
    }
  }

  /// Moves an ordinary file, closed or open, onto a name that is free or another ordinary file's.
  private func moveOrdinary(_ from: FilePlace, to: FilePlace) throws(FileSystemError) {
    let move = { () throws(FileSystemError) in
      if (from.model, from.version) == (to.model, to.version) {
        try tree.change(from) { folder in
          guard case .file(let file) = folder.content(at: from.path), let removal = folder.removal(of: from.path) else {
            return []
          }
          return [.put(file.moved(to: to.path)), removal]
        }
      } else {
        let folder = try tree.versionFolder(of: from.model, from.version)
        guard case .file(let file) = folder.content(at: from.path) else { throw FileSystemError(.missing) }
        try tree.step(try tree.registry.folders.put(file.moved(to: to.path), in: to.model, to.version))
        try tree.change(from) { folder in folder.removal(of: from.path).map { [$0] } ?? [] }
      }
      tree.moveOrdinary(from, to: to)
    }
    if let open = tree.ordinary[from] { try open.inTurn(move) } else { try move() }
    if to.purpose == .ordinary, tree.ordinary[to] == nil {
      // What was kept for another name becomes a blob; nobody waits for that.
      let handle = try OrdinaryEntry(tree: tree, place: to).handle(writes: false)
      DispatchQueue.global().async { handle.release() }
    }
    try Publishing(tree: tree, place: to, isInterrupted: isInterrupted).completeShards()
  }

  /// Renames a file that is still open: its bytes count as they are now, as if it had been closed.
  private func rename(_ writer: Writer, _ from: Destination, to: Destination) throws(FileSystemError) {
    try writer.inTurn { () throws(FileSystemError) in
      if to.isWeights, try tree.step(try writer.byteCount()) == 0 {
        throw tree.refuse(FileSystemError(.invalid, "\(to) is empty; nothing was published"), at: to)
      }
      let wasDirty = writer.current.isDirty
      writer.facts.withLock { facts in
        facts.destination = to
        facts.isDirty = true
        facts.hasTruncated = true
        facts.refusal = nil
      }
      do throws(FileSystemError) {
        try Commit(writer: writer, isInterrupted).runInTurn(isLast: true)
      } catch {
        writer.facts.withLock { facts in
          facts.destination = from
          facts.isDirty = wasDirty
          facts.refusal = nil
        }
        throw error
      }
    }
  }
}
