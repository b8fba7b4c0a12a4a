import StoreRecords
import Synchronization
import WeightRegistry

/// `README.md` in a model's folder, and what becomes it. The registry keeps such a file as it is, under its own name.
extension WeightsFileSystem {
  /// What has a name in a model's own folder, if it is a file.
  func modelFileNode(_ name: String, of model: ModelName) throws(FileSystemError) -> Node? {
    try registryStep(try modelFiles.file(name, of: model)).map { Self.node($0, of: model) }
  }

  static func node(_ file: ModelFile, of model: ModelName) -> Node {
    .modelFile(model, file.name, Edition(number: file.edition))
  }

  /// What a close does with a file in a model's folder. In turn.
  func keepModelFile(
    _ writer: Writer, _ name: String, of model: ModelName, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) {
    guard hasModel(model) else { throw FileSystemError(.missing) }
    try materialize(writer, isInterrupted)
    let modified = try registryStep(try writer.modified())
    try registryStep(
      try modelFiles.keep(
        writer.current.upload, as: name, of: model, modified: modified, isInterrupted: isInterrupted))
    writer.facts.withLock { $0.isSealed = true }
  }

  /// Gives a model's folder a copy of another's file: `cp -al`.
  func linkModelFile(
    _ inode: InodeNumber, as name: String, of model: ModelName, _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> DirectoryItem {
    if try child(named: name, of: .model(model)) != nil { throw FileSystemError(.exists) }
    guard case .modelFile(let theirs, let theirName, _) = try node(inode),
      let source = try registryStep(try modelFiles.open(theirName, of: theirs))
    else { throw FileSystemError(.crossDevice) }
    let upload = try registryStep(try records.uploads.begin())
    do throws(FileSystemError) {
      try copy(VersionView(source.bytes, byteCount: source.file.byteCount), to: upload.file, isInterrupted)
      try registryStep(
        try modelFiles.keep(
          upload, as: name, of: model, modified: source.file.modified, isInterrupted: isInterrupted))
    } catch {
      try registryStep(try records.uploads.discard(upload.name))
      throw error
    }
    guard let made = try modelFileNode(name, of: model) else { throw FileSystemError(.missing) }
    return try item(made)
  }

  /// Removes a file from a model's folder, or takes the name from one that is being written.
  ///
  /// - Returns: false if there is none.
  func unlinkModelFile(_ name: String, of model: ModelName) throws(FileSystemError) -> Bool {
    let place = Destination.model(model, name: name)
    let isThere = try modelFileNode(name, of: model) != nil
    if isThere { try registryStep(try modelFiles.remove(name, of: model)) }
    let writing = writers.all.filter { $0.current.place == place && !(isThere && $0.current.isDirty) }
    for writer in writing { writer.facts.withLock { $0.place = nil } }
    return isThere || !writing.isEmpty
  }

  /// Renames a file in models' folders, closed or still open: then its bytes count as they are now.
  ///
  /// - Returns: false if there is none of that name.
  func renameModelFile(
    _ name: String, of model: ModelName, to newName: String, of newModel: ModelName, _ mode: RenameMode,
    _ isInterrupted: @escaping @Sendable () -> Bool
  ) throws(FileSystemError) -> Bool {
    let (old, new) = (Destination.model(model, name: name), Destination.model(newModel, name: newName))
    let isThere = try modelFileNode(name, of: model) != nil
    let writer = writers.writer(at: old)
    guard isThere || writer != nil else { return false }
    let existing = try child(named: newName, of: .model(newModel))
    if existing != nil, mode == .keeping { throw FileSystemError(.exists) }
    if existing?.kind == .directory { throw FileSystemError(.isDirectory) }
    if existing?.kind == .symbolicLink {
      throw FileSystemError(.exists, "\(new) is a link; remove it first, or point it elsewhere with ln -sfn")
    }
    try requireModelFileName(newName, of: newModel)
    if isThere {
      try registryStep(try modelFiles.move(name, of: model, to: newName, of: newModel))
      for writer in writers.all where writer.current.place == old {
        writer.facts.withLock { $0.place = new }
      }
    } else if let writer {
      try rename(writer, old, to: new, isInterrupted)
    }
    return true
  }

  /// - Throws: `EPERM` for a name that no file in a model's folder may have.
  func requireModelFileName(_ name: String, of model: ModelName) throws(FileSystemError) {
    guard !ModelFile.canBeCalled(name) else { return }
    throw FileSystemError(
      .notPermitted,
      "\(model)/\(name): of files a model's folder holds \(ModelFile.readmeName) alone; others are made in the folder of a "
        + "version: mkdir MODEL/VERSION first")
  }
}
