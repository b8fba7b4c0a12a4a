import Dispatch
import Logging
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
          follow(.version(from: (model, version), to: (newModel, newVersion)), over: .version(newModel, newVersion))
        }))
  }

  // MARK: Folders

  /// How many files may be open in a folder that is renamed.
  private static let mostOpenFiles = 1000

  /// Gives a folder of a version another path in it, with all that is open below.
  private func moveFolder(
    _ from: FilePlace, to: FilePlace, onto target: Node?
  ) throws(FileSystemError) {
    let (model, version) = (from.model, from.version)
    if let target, target.kind != .directory { throw FileSystemError(.notDirectory) }
    // mv copies it and removes it.
    guard (to.model, to.version) == (model, version) else { throw FileSystemError(.crossDevice) }
    if to.isWeights { throw FileSystemError(.invalid, "\(to) is the name of a weight file, not of a folder") }
    let move = FolderMove(from: from.path, to: to.path)
    let places = PlaceMove.folder(move, in: model, version)
    let writers = tree.writers.all.filter { $0.current.destination.flatMap(places.place) != nil }
    let files = tree.ordinary.files(concernedBy: places)
    // Each takes a bit of this thread's stack.
    guard files.count + writers.count <= Self.mostOpenFiles else {
      throw FileSystemError(.busy, "more than \(Self.mostOpenFiles) files are open in \(from)")
    }
    // Who is storing a file would put it where it was.
    try inTurns(
      of: files.sorted { $0.number < $1.number }[...], writers.sorted { $0.number < $1.number }[...]
    ) { () throws(FileSystemError) in
      do throws(StoreError) {
        try tree.registry.folders.move(
          move, in: model, version, whileLocked: { follow(places, over: .sidecarFolder(to)) })
      } catch {
        throw tree.refuse(FileSystemError(error), model, version)
      }
    }
    let kept = try tree.versionFolder(of: model, version).keptFiles.map {
      FilePlace(model: model, version: version, path: $0.path)
    }
    store(kept.filter { $0.purpose == .ordinary && move.isNew($0.path) })
  }

  /// Lets what is open, and what the kernel knows, follow its folder. What stood under the new name was empty, and is gone.
  private func follow(_ move: PlaceMove, over replaced: Node) {
    tree.writers.move(move)
    tree.ordinary.move(move)
    tree.inodes.retire(replaced)
    tree.inodes.rename(move.node)
  }

  /// Runs `body` while nobody changes or stores any of some files.
  private func inTurns(
    of files: ArraySlice<OrdinaryFile>, _ writers: ArraySlice<Writer>, _ body: () throws(FileSystemError) -> Void
  ) throws(FileSystemError) {
    if let file = files.first {
      try file.inTurn { () throws(FileSystemError) in try inTurns(of: files.dropFirst(), writers, body) }
    } else if let writer = writers.first {
      try writer.inTurn { () throws(FileSystemError) in try inTurns(of: [], writers.dropFirst(), body) }
    } else {
      try body()
    }
  }

  /// Makes blobs of ordinary files that were kept for other names, and are not open; nobody waits for that.
  private func store(_ places: [FilePlace]) {
    if places.isEmpty { return }
    DispatchQueue.global().async { [tree] in
      for place in places where tree.ordinary[place] == nil {
        do throws(FileSystemError) {
          try OrdinaryEntry(tree: tree, place: place).handle(writes: false).release()
        } catch {
          tree.logger.info("\(place) is no blob yet: \(error)")
        }
      }
    }
  }

  // MARK: Files

  /// - Parameter target: what has the new name now.
  private func renameFile(_ from: FilePlace, to: FilePlace, _ target: Node?) throws(FileSystemError) {
    let isRecorded = try tree.versionFolder(of: from.model, from.version).content(at: from.path) != nil
    // Who has just closed the file may be storing it. One that is still being written is renamed in its own turn.
    let writers = isRecorded ? tree.writers.all.filter { $0.current.destination == from } : []
    try inTurns(of: [], writers.sorted { $0.number < $1.number }[...]) { () throws(FileSystemError) in
      try renameStill(from, to: to, target, isRecorded: isRecorded)
    }
  }

  /// Renames a file that nobody stores meanwhile.
  private func renameStill(
    _ from: FilePlace, to: FilePlace, _ target: Node?, isRecorded: Bool
  ) throws(FileSystemError) {
    let folder = try tree.versionFolder(of: from.model, from.version)
    if target?.kind == .directory, !folder.isFolder(from.path) { throw FileSystemError(.isDirectory) }
    if target != nil, mode == .keeping { throw FileSystemError(.exists) }
    if case .link = target {
      throw FileSystemError(.exists, "\(to) is a link; remove it first, or point it elsewhere with ln -sfn")
    }
    if case .plainReadme(let model, _) = target { try tree.takeOverReadme(of: model) }
    guard let content = folder.content(at: from.path) else {
      if folder.isFolder(from.path) { return try moveFolder(from, to: to, onto: target) }
      guard !isRecorded, let writer = tree.writers.writer(at: from) else { throw FileSystemError(.missing) }
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
          ? current.removal(of: from.path).map { [$0] } ?? [] : current.removalForGood(of: from.path)
      }
    }
    if let open { try open.freezing(move) } else { try move() }
    tree.additions.move(from, to: to)
    if to.purpose.isOrdinary { OrdinaryNames(tree: tree).remove(to) }
    if from.purpose.isOrdinary, let file = tree.ordinary.remove(from) {
      tree.inodes.rename(.ordinary(from), to: file.node)
    } else if let before = Node(at: from.path, in: folder), let after = try tree.node(at: to) {
      try follow(before, to: after)
    }
    let isPublished = try tree.isPublishedWeights(to)
    for writer in tree.writers.all where writer.current.destination == from {
      writer.facts.withLock { facts in
        facts.destination = to
        if isPublished, !facts.isDirty { facts.isFrozen = true }
      }
    }
  }

  /// The kernel has moved the name, and goes on with the inode that it knows.
  private func follow(_ before: Node, to after: Node) throws(FileSystemError) {
    tree.inodes.rename(before, to: after)
    tree.inodes.forgetAttributes(of: after)
    if after.isUnchanging { tree.inodes.remember(try tree.attributes(of: after)) }
  }

  /// Moves an ordinary file, closed or open, or a link, onto a name that is free or that of another.
  private func moveOrdinary(_ from: FilePlace, to: FilePlace) throws(FileSystemError) {
    let move = { () throws(FileSystemError) in
      if (from.model, from.version) == (to.model, to.version) {
        try tree.change(from) { folder in
          guard case .file(let file) = folder.content(at: from.path) else { return [] }
          return [.put(file.moved(to: to.path))] + tree.additions.removal(of: from, from: folder)
        }
      } else {
        let folder = try tree.versionFolder(of: from.model, from.version)
        guard case .file(let file) = folder.content(at: from.path) else { throw FileSystemError(.missing) }
        try tree.step(try tree.registry.folders.put(file.moved(to: to.path), in: to.model, to.version))
        try tree.change(from) { folder in tree.additions.removal(of: from, from: folder) }
      }
      OrdinaryNames(tree: tree).move(from, to: to)
      tree.additions.move(from, to: to)
    }
    if let open = tree.ordinary[from] { try open.inTurn(move) } else { try move() }
    if case .ordinary = try tree.node(at: to), to.purpose == .ordinary { store([to]) }
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
