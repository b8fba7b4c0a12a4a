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
      case .folderLink where newName == "active" || new.links[newName] != nil:
        if mode == .keeping, new.links[newName] != nil { throw FileSystemError(.exists) }
        try repoint(newName, of: new, as: name, of: old)
      case .version(let model, let version): try renameVersion(model, version, to: newName, of: new)
      default:
        try renameFile(try fileToMove(name, in: old), to: try new.place(of: newName), try new.child(named: newName))
      }
    case (let old as ModelFolder, let new as VersionDirectory):
      let place = try new.place(of: newName)
      try renameFile(try fileToMove(name, in: old), to: place, try tree.node(at: place))
    case (let old as VersionDirectory, let new as ModelFolder):
      try renameFile(try old.place(of: name), to: try new.place(of: newName), try new.child(named: newName))
    case (let old as VersionDirectory, let new as VersionDirectory):
      let place = try new.place(of: newName)
      try renameFile(try old.place(of: name), to: place, try tree.node(at: place))
    default: throw FileSystemError(.crossDevice)
    }
  }

  /// Lets `active` or an alias lead to the version that a link leads to, which goes: so do programs that make a link under a hidden
  /// name first.
  private func repoint(
    _ newName: String, of new: ModelFolder, as name: String, of old: ModelFolder
  ) throws(FileSystemError) {
    let link = FolderLink(tree: tree, place: try old.place(of: name))
    try new.point(newName, at: try new.version(ofTarget: try link.target()), by: caller)
    try old.unlink(name, by: caller)
  }

  /// The place of a file in a model's own folder that is to be moved.
  ///
  /// - Throws: `EXDEV` for a version and a link: mv copies them.
  private func fileToMove(_ name: String, in folder: ModelFolder) throws(FileSystemError) -> FilePlace {
    switch try folder.child(named: name) {
    case nil: throw FileSystemError(.missing)
    case .version, .link: throw FileSystemError(.crossDevice)
    case .plainReadme: try tree.takeOverReadme(of: folder.model)
    default: break
    }
    return try folder.place(of: name)
  }

  // MARK: Models and versions

  private func renameModel(_ name: String, to newName: String) throws(FileSystemError) {
    guard let model = ModelName(name), tree.hasModel(model) else { throw FileSystemError(.missing) }
    let newModel = try tree.step(try ModelName(validating: newName))
    if mode == .keeping, tree.hasModel(newModel) { throw FileSystemError(.exists) }
    if tree.records.contains(model) {
      throw FileSystemError(
        .notPermitted, "\(model) has published versions and keeps its name; copy it: cp -r \(model) \(newModel)")
    }
    if tree.hasModel(newModel) { try ModelFolder(tree: tree, model: newModel).remove(by: caller) }
    // Both are there while files move: whenever that ends, nothing is lost.
    let folders = tree.registry.folders
    try tree.step(try folders.makeModel(newModel))
    try tree.takeOverReadme(of: model)
    for version in try tree.step(try tree.records.listing(of: model)).folders {
      try move(model, version, to: newModel, version)
    }
    try tree.step(try folders.removeModel(model))
    tree.inodes.rename(.model(model), to: .model(newModel))
  }

  private func renameVersion(
    _ model: ModelName, _ version: VersionName, to newName: String, of new: ModelFolder
  ) throws(FileSystemError) {
    let newVersion = try tree.step(try VersionName(validating: newName))
    switch try new.child(named: newName) {
    case nil: break
    case .version(let other, let version):
      if try !tree.versionFolder(of: other, version).isEmpty() { throw FileSystemError(.notEmpty) }
    case .link: throw FileSystemError(.exists)
    default: throw FileSystemError(.notDirectory)
    }
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

  /// - Parameter target: what has the new name now.
  private func renameFile(_ from: FilePlace, to: FilePlace, _ target: Node?) throws(FileSystemError) {
    let folder = try tree.versionFolder(of: from.model, from.version)
    if target?.kind == .directory, !folder.isFolder(from.path) { throw FileSystemError(.isDirectory) }
    if target != nil, mode == .keeping { throw FileSystemError(.exists) }
    if case .link = target {
      throw FileSystemError(.exists, "\(to) is a link; remove it first, or point it elsewhere with ln -sfn")
    }
    if case .plainReadme(let model, _) = target { try tree.takeOverReadme(of: model) }
    guard let content = folder.content(at: from.path) else {
      guard let writer = tree.writers.writer(at: from) else {
        // A folder: mv copies it and removes it.
        guard folder.isFolder(from.path) else { throw FileSystemError(.missing) }
        throw FileSystemError(target.map { $0.kind == .directory } ?? true ? .crossDevice : .notDirectory)
      }
      return try rename(writer, from, to: to)
    }
    if folder.isPublished(from.path) { try tree.requireChangeable(from) }
    switch target {
    case .ordinary, .folderLink: try tree.requireChangeable(to)
    default: break
    }
    if case .file(let file) = content, file.link != nil {
      try to.requireLinkable()
      try Publishing(tree: tree, place: to, isInterrupted: isInterrupted).requireReplaceable()
      return try moveOrdinary(from, to: to)
    }
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
    let isPublished = try tree.isPublishedWeights(to)
    for writer in tree.writers.all where writer.current.destination == from {
      writer.facts.withLock { facts in
        facts.destination = to
        if isPublished, !facts.isDirty { facts.isFrozen = true }
      }
    }
  }

  /// Moves an ordinary file, closed or open, or a link, onto a name that is free or that of another.
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
    if case .ordinary = try tree.node(at: to), to.purpose == .ordinary, tree.ordinary[to] == nil {
      // What was kept for another name becomes a blob; nobody waits for that.
      let handle = try OrdinaryEntry(tree: tree, place: to).handle(writes: false)
      DispatchQueue.global().async { handle.release() }
    }
    try Publishing(tree: tree, place: to, isInterrupted: isInterrupted).completeShards()
  }

  /// Renames a file that is still open: its bytes count as they are now, as if it had been closed.
  private func rename(_ writer: Writer, _ from: FilePlace, to: FilePlace) throws(FileSystemError) {
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
