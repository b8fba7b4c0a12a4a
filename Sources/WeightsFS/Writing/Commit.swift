import PosixIO
import StoreRecords
import Synchronization
import WeightRegistry

/// What a close does with a file in the making: publishes or keeps what was written.
struct Commit {
  let writer: Writer
  private let tree: MountedTree
  private let isInterrupted: @Sendable () -> Bool

  init(writer: Writer, _ isInterrupted: @escaping @Sendable () -> Bool) {
    self.writer = writer
    tree = writer.tree
    self.isInterrupted = isInterrupted
  }

  /// - Parameter isLast: whether nobody has the file open any more: then being empty is what its writer meant.
  func run(isLast: Bool) throws(FileSystemError) {
    try writer.inTurn { () throws(FileSystemError) in try runInTurn(isLast: isLast) }
  }

  func runInTurn(isLast: Bool) throws(FileSystemError) {
    try tree.step(try writer.noteWrites())
    let facts = writer.current
    guard let place = facts.destination else { return }
    guard facts.isDirty else {
      if let refusal = facts.refusal { throw refusal }
      return
    }
    do throws(FileSystemError) {
      // Shells close a copy of the descriptor before anything is written.
      if try tree.step(try writer.byteCount()) == 0 {
        if place.isWeights { return }
        if try tree.node(at: place) != nil, !(isLast && facts.hasTruncated) { return }
      }
      if facts.upload.isShared, facts.clone != nil, try tree.step(try writer.uploadByteCount()) > 0 {
        throw FileSystemError(
          .invalid, "\(place) was written to after a part of it was copied by the kernel; copy it as a whole")
      }
      try commit(at: place)
      try tree.step(try writer.settle())
    } catch {
      let error = tree.refuse(error, at: place)
      // What was interrupted is tried again by the next close.
      if error.errno == FileSystemError.Condition.interrupted.errno {
        writer.facts.withLock { $0.isGivenUp = true }
      } else {
        try tree.step(try writer.settle(refusal: error))
      }
      throw error
    }
  }

  /// Commits a file in the folder of a version.
  private func commit(at place: FilePlace) throws(FileSystemError) {
    let publishing = Publishing(tree: tree, place: place, isInterrupted: isInterrupted)
    switch place.purpose {
    case .view(let view):
      do throws(FileSystemError) {
        try publish(as: view, publishing)
      } catch {
        // What the version has under the name is shown again.
        if tree.hasVersion(place.model, place.version) {
          try tree.change(place) { $0.hides(place.path) ? [.show(place.path)] : [] }
        }
        throw error
      }
    case .fallback, .component: try publishFile(publishing)
    case .shard, .temporary, .ordinary:
      let before = try tree.versionFolder(of: place.model, place.version).content(at: place.path)
      try keep(at: place)
      try publishing.completeShards { () throws(FileSystemError) in try publishing.putBack(before) }
    }
  }

  /// Whether the file is still to appear at a place: its name, or its folder, may go while it is stored.
  private func condition(at place: FilePlace) -> PublicationCondition {
    .folderIsThere { [writer] in writer.current.destination == place }
  }

  private func publish(as view: String, _ publishing: Publishing) throws(FileSystemError) {
    let condition = condition(at: publishing.place)
    if let clone = writer.current.clone {
      if clone.isWhole, case .view(let model, let version, let source, _) = clone.node,
        let manifest = try tree.step(try tree.records.folder(of: model, version))?.manifest,
        try publishing.clone(source, of: manifest, as: view, modified: writer.current.modified, if: condition)
      {
        writer.facts.withLock { $0.isFrozen = true }
        return
      }
      try writer.materialize(isInterrupted)
    }
    try handOver(publishing, condition)
  }

  /// Publishes a file that is no view.
  private func publishFile(_ publishing: Publishing) throws(FileSystemError) {
    let condition = condition(at: publishing.place)
    if let clone = writer.current.clone, var source = try weights(of: clone) {
      if let modified = writer.current.modified { source.modified = modified }
      try publishing.publish(copyOf: source, if: condition)
      writer.facts.withLock { $0.isFrozen = true }
      return
    }
    if try linkClone(to: publishing.place) { return }
    try writer.materialize(isInterrupted)
    try handOver(publishing, condition)
  }

  /// Publishes the file while nobody can write to it, or keeps it if it is not finished or holds no weights.
  private func handOver(_ publishing: Publishing, _ condition: PublicationCondition) throws(FileSystemError) {
    let upload = writer.current.upload
    let modified = try tree.step(try writer.modified())
    writer.facts.withLock { $0.isFrozen = true }
    let verdict: Publishing.Verdict
    do throws(FileSystemError) {
      verdict = try publishing.publish(
        upload, modified: modified, refusing: writer.current.makesNoEdition, if: condition)
    } catch {
      writer.facts.withLock { $0.isFrozen = false }
      throw error
    }
    switch verdict {
    case .published:
      writer.facts.withLock { $0.isSealed = true }
    case .unfinished(let reason):
      writer.facts.withLock { $0.isFrozen = false }
      let place = publishing.place
      if try tree.isPublishedWeights(place) {
        throw FileSystemError(.invalid, "\(place) is not finished, and what is published stays: \(reason)")
      }
      try keep(upload, at: place, modified: modified)
      throw FileSystemError(
        .invalid, "\(place) is not finished: \(reason); it stays as it is until the rest of it is written")
    case .ordinary:
      writer.facts.withLock { $0.isFrozen = false }
      try publishing.requireReplaceable()
      try keep(upload, at: publishing.place, modified: modified)
      writer.facts.withLock { $0.isOrdinary = true }
    }
  }

  /// The last reference is gone: makes the file a blob if it turned out to be an ordinary one, or keeps what is there of a weight
  /// file whose writer was stopped.
  func settle() throws(FileSystemError) {
    try writer.inTurn { () throws(FileSystemError) in
      let facts = writer.current
      guard let place = facts.destination, place.mayBeWeights, facts.clone == nil else { return }
      if facts.isSettling {
        try store(facts.upload, at: place)
        writer.facts.withLock { $0.isSealed = true }
      } else if facts.isGivenUp, facts.isDirty, !facts.isSealed {
        // Another writer may have put something there since: that stays.
        try keep(facts.upload, at: place, modified: try tree.step(try writer.modified())) { folder in
          folder.content(at: place.path) == nil || folder.file(at: place.path)?.upload == facts.upload.name
        }
      }
    }
  }

  /// The name of a file is about to go from a published version. If it turned out to be an ordinary one, what its last close has left
  /// becomes a blob first, so that a restore brings it back. Whoever has it open goes on with it.
  func settleBeforeRemoval() throws(FileSystemError) {
    // Nobody waits for a close that is under way, and publishes something else.
    guard writer.current.isSettling else { return }
    try writer.inTurn { () throws(FileSystemError) in
      try tree.step(try writer.noteWrites())
      let facts = writer.current
      // From a frozen version goes for good what is no part of it yet.
      guard facts.isSettling, let place = facts.destination,
        try tree.versionFolder(of: place.model, place.version).isPublished,
        try !tree.step(try tree.registry.freezing.isFrozen(place.model, place.version))
      else { return }
      guard facts.upload.isShared else {
        try store(facts.upload, at: place)
        return writer.facts.withLock { $0.isSealed = true }
      }
      // The kernel may still write to it.
      let copy = try writer.copy(of: facts.upload, isInterrupted)
      try tree.filling(copy) { () throws(FileSystemError) in
        try tree.step(try writer.noteWrites())
        guard writer.current.isSettling else { return try tree.step(try tree.records.uploads.discard(copy.name)) }
        try store(copy, at: place)
      }
    }
  }

  /// Makes an upload with the bytes of an ordinary file a blob, and that the file, if that is still what the last close has left.
  private func store(_ upload: Upload, at place: FilePlace) throws(FileSystemError) {
    let name = writer.current.upload.name
    let kept = Node.kept(place, Edition(number: Upload.number(ofName: name)))
    let modified = try tree.step(try writer.modified())
    try tree.step(
      try tree.registry.folders.keep(
        upload, at: place.path, of: place.model, place.version, modified: modified,
        properties: writer.current.properties, isWanted: { $0.file(at: place.path)?.upload == name },
        // Its bytes are the same: so is its inode, at each moment, or programs that look twice take it for another file.
        willAppear: { [tree] file in
          if let blob = file.blob { tree.inodes.note(kept, became: .sidecar(place, Edition(blob))) }
        }))
  }

  /// Keeps a shard until its set is complete.
  private func keep(at place: FilePlace) throws(FileSystemError) {
    if !tree.hasVersion(place.model, place.version) { throw FileSystemError(.missing) }
    if try linkClone(to: place) { return }
    try writer.materialize(isInterrupted)
    let upload = writer.current.upload
    let modified = try tree.step(try writer.modified())
    try keep(upload, at: place, modified: modified)
    // Its name is in a record now, and whoever has it open may go on writing to it.
    if !upload.isShared { writer.facts.withLock { $0.isSealed = true } }
  }

  /// Gives the place what a copy is of, if that is stored already; false if that takes a copy.
  private func linkClone(to place: FilePlace) throws(FileSystemError) -> Bool {
    guard let clone = writer.current.clone, var source = try content(of: clone) else { return false }
    source.properties = writer.current.properties
    return try Copying(tree: tree, place: place, isInterrupted: isInterrupted)
      .link(source, modified: writer.current.modified ?? Timestamp.now())
  }

  /// The weight file that a copy is of, if it is whole and its source is still what it was.
  private func weights(of clone: Writer.Clone) throws(FileSystemError) -> WeightRecord? {
    guard clone.isWhole, case .view(let model, let version, let view, let edition) = clone.node,
      tree.hasVersion(model, version)
    else { return try content(of: clone)?.weights }
    let manifest = try tree.versionFolder(of: model, version).manifest
    return manifest?.original(servedAs: view).flatMap { Edition($0.blob) == edition ? $0 : nil }
  }

  /// What a copy is of, if it is whole and its source is still what it was.
  private func content(of clone: Writer.Clone) throws(FileSystemError) -> FolderFile? {
    guard clone.isWhole, case .sidecar(let place, let edition) = clone.node, tree.hasVersion(place.model, place.version)
    else { return nil }
    switch try tree.versionFolder(of: place.model, place.version).content(at: place.path) {
    case .part(let part) where Edition(part.blob) == edition: return FolderFile(part)
    case .file(let file) where (file.blob ?? file.weights?.blob).map({ Edition($0) }) == edition: return file
    default: return nil
    }
  }

  /// Keeps an upload in its folder, durably.
  private func keep(
    _ upload: Upload, at place: FilePlace, modified: Int64, if isWanted: (VersionFolder) -> Bool = { _ in true }
  ) throws(FileSystemError) {
    let size = try tree.step(try posix(try upload.file.status().size))
    try tree.step(try posix(try upload.file.synchronize(unless: isInterrupted)))
    let kept = FolderFile(
      path: place.path, content: .upload(upload.name), byteCount: size, modified: modified,
      properties: writer.current.properties)
    try tree.change(place, Interruption(isInterrupted)) { folder in
      writer.current.destination == place && isWanted(folder) ? [.put(kept)] : []
    }
  }
}
