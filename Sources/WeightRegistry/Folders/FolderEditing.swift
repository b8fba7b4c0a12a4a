import BlobStore
import Glibc
import Logging
package import PosixIO
package import StoreRecords
import Tensors

/// Changes what versions' folders hold beside weights, and the folders themselves.
package struct FolderEditing: Sendable {
  let records: RecordStore
  private var freezing: Freezing { Freezing(records: records) }

  // MARK: Files

  /// Makes an upload a blob, durably, and that a file of a version's folder. The upload goes, unless a record names it.
  ///
  /// - Parameters:
  ///   - properties: asked when the file is about to appear: somebody may change them while it is hashed.
  ///   - isWanted: asked when the file is about to appear, with the folder as it is; if not, nothing does.
  ///   - willAppear: told of a file that is wanted, just before it appears.
  /// - Throws: `unknownVersion` if there is no such folder any more.
  @discardableResult
  package func keep(
    _ upload: Upload, at path: String, of model: ModelName, _ version: VersionName, modified: Int64,
    properties: @autoclosure () -> FileProperties = .usual, unless interruption: Interruption = .never,
    isWanted: (VersionFolder) -> Bool = { _ in true }, willAppear: (FolderFile) -> Void = { _ in }
  ) throws(StoreError) -> FolderFile {
    try records.requireWriting()
    let pins = records.store.blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    let ingest = try records.uploads.beginIngest(of: upload)
    var file: FolderFile
    do throws(BlobStoreError) {
      let table = try ingest.hash(storages: [], progress: { _ in !interruption.isRequested }).table
      try ingest.forceToDisk { _ in !interruption.isRequested }
      _ = try ingest.commit(table, pins, progress: { _ in !interruption.isRequested })
      file = FolderFile(path: path, table, modified: modified)
    } catch {
      throw StoreError(error)
    }
    try put(&file, in: model, version, unless: interruption, isWanted: isWanted, willAppear: willAppear) {
      $0.properties = properties()
    }
    try records.uploads.discard(upload.name)
    return file
  }

  /// Puts a file whose bytes are stored already into a version's folder.
  ///
  /// - Throws: `damaged` if the bytes have gone meanwhile; `unknownVersion` if there is no such folder any more.
  package func put(
    _ file: FolderFile, in model: ModelName, _ version: VersionName, unless interruption: Interruption = .never,
    isWanted: (VersionFolder) -> Bool = { _ in true }
  ) throws(StoreError) {
    var file = file
    try put(&file, in: model, version, unless: interruption, isWanted: isWanted, willAppear: { _ in }) { _ in }
  }

  /// - Parameter complete: gives the file what may change until it appears.
  private func put(
    _ file: inout FolderFile, in model: ModelName, _ version: VersionName, unless interruption: Interruption,
    isWanted: (VersionFolder) -> Bool, willAppear: (FolderFile) -> Void, complete: (inout FolderFile) -> Void
  ) throws(StoreError) {
    let pins = records.store.blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    pins.pin(file.blobs)
    for blob in file.blobs where try !blobStore(try records.store.blobs.contains(blob)) {
      throw StoreError(.damaged, "blob \(blob) is missing from the store")
    }
    try records.transaction(model, unless: interruption) { (records) throws(StoreError) in
      guard let folder = try records.folder(version) else { throw self.records.unknown(version, of: model) }
      complete(&file)
      guard isWanted(folder) else { return }
      willAppear(file)
      try records.change(version, [.put(file)])
    }
  }

  /// Changes a version's folder, which is there.
  ///
  /// - Parameter decide: says what changes, with the folder as it is.
  package func change(
    _ model: ModelName, _ version: VersionName, unless interruption: Interruption = .never,
    _ decide: (VersionFolder) throws(StoreError) -> [FolderChange]
  ) throws(StoreError) {
    try records.transaction(model, unless: interruption) { (records) throws(StoreError) in
      guard let folder = try records.folder(version) else { throw self.records.unknown(version, of: model) }
      try records.change(version, try decide(folder))
    }
  }

  /// Takes the file at a path out of its folder.
  ///
  /// - Parameters:
  ///   - isNew: whether it was added to a frozen version a moment ago, and may go from it for good.
  ///   - forget: lets go of files under that name that are still being written, while nobody can publish one; answers
  ///     whether there were any.
  /// - Throws: `system(EPERM)` for a file of a frozen version; `unknownView` if there is no such file.
  package func remove(
    _ path: String, of model: ModelName, _ version: VersionName, isNew: Bool = false,
    forgettingWriters forget: () -> Bool = { false }
  ) throws(StoreError) {
    try records.transaction(model) { (records) throws(StoreError) in
      guard let folder = try records.folder(version), let removal = folder.removal(of: path) else {
        if forget() { return }
        throw StoreError(.unknownView, "\(model)/\(version) has no file \(path)")
      }
      if folder.isPublished(path), !isNew { try freezing.requireChangeable(model, version) }
      try records.change(version, isNew ? folder.removalForGood(of: path) : [removal])
      _ = forget()
    }
  }

  // MARK: Folders

  /// Makes a model's folder.
  ///
  /// - Throws: `alreadyExists`.
  package func makeModel(_ model: ModelName) throws(StoreError) {
    try records.transaction(model) { (records) throws(StoreError) in
      if self.records.hasFolder(model) { throw StoreError(.alreadyExists, "\(model) exists") }
      try records.makeModel()
    }
  }

  /// Removes a model's folder, which is empty.
  ///
  /// - Throws: `inUse` if it still has versions.
  package func removeModel(_ model: ModelName) throws(StoreError) {
    try records.transaction(model) { (records) throws(StoreError) in try records.removeModel() }
  }

  /// Removes a model's folder, unless it still holds something.
  package func removeModelIfEmpty(_ model: ModelName) throws(StoreError) {
    guard records.hasFolder(model) else { return }
    do throws(StoreError) { try removeModel(model) } catch  where error.code == .inUse { return }
  }

  /// Makes the folder of a version that is to come.
  ///
  /// - Throws: `alreadyExists`.
  package func makeVersion(
    _ model: ModelName, _ version: VersionName, properties: FileProperties = .usualOfFolder
  ) throws(StoreError) {
    try records.transaction(model) { (records) throws(StoreError) in try records.makeFolder(version, properties) }
  }

  /// Removes the folder of a version, which shows nothing. What was published of it can be restored until it is purged. If it was
  /// active, and nobody wanted that, another takes its place.
  ///
  /// - Throws: `inUse` for a version that somebody has made active and for one that an alias points to; `notEmpty`.
  package func removeVersion(
    _ model: ModelName, _ version: VersionName, by actor: Actor, forgettingWriters forget: () -> Void = {}
  ) throws(StoreError) {
    try records.transaction(model, backupsOf: version) { (records, backups) throws(StoreError) in
      guard let folder = try records.folder(version) else { throw self.records.unknown(version, of: model) }
      let isActive = records.activeVersion == version
      if isActive, try !freezing.isActiveByItself(model) {
        throw StoreError(.inUse, "\(model)/\(version) is active; point active at another version first")
      }
      guard folder.isEmpty() else { throw StoreError(.notEmpty, "\(model)/\(version) still holds files") }
      if isActive { try letActiveMoveOn(to: try newest(besides: version, in: records), in: records, by: actor) }
      // The folder of a model stays when its last version has gone.
      try records.makeModel()
      if folder.isPublished {
        try Retention.retire(version, in: records, beside: backups, by: actor)
      } else {
        try records.retract(version)
      }
      forget()
    }
  }

  /// Takes a draft, a folder without complete weights, out of the tree, with the files in it. Nothing of it is kept.
  ///
  /// - Throws: `unknownVersion` if there is no such draft.
  package func removeDraft(_ model: ModelName, _ version: VersionName, by actor: Actor) throws(StoreError) {
    try records.transaction(model) { (records) throws(StoreError) in
      guard let folder = try records.folder(version), !folder.isPublished else {
        throw self.records.unknown(version, of: model)
      }
      // The folder of a model stays when the last that was in it has gone.
      try records.makeModel()
      try records.retract(version)
      records.log("removed: the draft \(model)/\(version), \(folder.fileCount) files, by user \(actor.uid)")
    }
  }

  /// Makes another version active, which nobody has chosen.
  ///
  /// - Parameter next: nil for none.
  private func letActiveMoveOn(
    to next: VersionName?, in records: ModelTransaction, by actor: Actor
  ) throws(StoreError) {
    if let next {
      _ = try records.switchActive(to: next, by: actor, isRollback: false, isChosen: false)
    } else {
      try records.configure { ($0.active, $0.isChosen) = (nil, nil) }
    }
  }

  /// The newest other version of a model.
  private func newest(besides version: VersionName, in records: ModelTransaction) throws(StoreError) -> VersionName? {
    var newest: Manifest?
    for other in try self.records.versions(of: records.model) where other != version {
      let manifest = try records.manifest(other)
      if manifest.published >= newest?.published ?? .min { newest = manifest }
    }
    return newest?.version
  }

  /// Gives a folder in a version another path, with all that lies in it. An empty folder that has the path goes.
  ///
  /// - Parameter follow: run when that is done, before anybody else sees it.
  /// - Throws: `system(EPERM)` for files of a frozen version; `system(EXDEV)` if a file would mean something else under its new
  ///   path, and has to be copied; `notEmpty`, `system(ENOTDIR)` and `system(EINVAL)` as rename(2).
  package func move(
    _ move: FolderMove, in model: ModelName, _ version: VersionName, whileLocked follow: () -> Void = {}
  ) throws(StoreError) {
    try records.transaction(model) { (records) throws(StoreError) in
      guard let folder = try records.folder(version), folder.isFolder(move.from) else {
        throw StoreError(.unknownView, "\(model)/\(version) has no folder \(move.from)")
      }
      let newPath = "\(model)/\(version)/\(move.to)"
      if move.isIntoItself { throw StoreError(.system(errno: EINVAL), "\(newPath) would lie in itself") }
      switch folder.entry(at: move.to) {
      case .content: throw StoreError(.system(errno: ENOTDIR), "\(newPath) is a file")
      case .folder where !folder.isEmpty(move.to): throw StoreError(.notEmpty, "\(newPath) still holds files")
      case .folder, nil: break
      }
      let inside = folder.paths(in: move.from).dropFirst()
      for (old, new) in inside.compactMap({ path in move.path(of: path).map { (path, $0) } }) {
        if let problem = FilePurpose.problem(ofPath: new) {
          throw StoreError(.system(errno: ENAMETOOLONG), "\(model)/\(version)/\(new) \(problem)")
        }
        // Weights with a name that begins with a dot, or in such a folder, are kept unread.
        if FilePurpose(old).isOrdinary != FilePurpose(new).isOrdinary {
          throw StoreError(.system(errno: EXDEV), "\(model)/\(version)/\(new) has to be copied")
        }
      }
      if inside.contains(where: { folder.isPublished($0) }) { try freezing.requireChangeable(model, version) }
      try records.change(version, [.moveFolder(move)])
      follow()
    }
  }

  /// Gives a version, or a draft, another name. If it is active, and nobody wanted that, `active` follows it in its model; in that
  /// which it leaves another takes its place.
  ///
  /// - Parameter follow: run when that is done, before anybody else sees it.
  /// - Throws: `inUse` for a version that somebody has made active and for one that an alias points to; `alreadyExists`.
  package func move(
    _ model: ModelName, _ version: VersionName, to newModel: ModelName, _ newVersion: VersionName, by actor: Actor,
    whileLocked follow: () -> Void = {}
  ) throws(StoreError) {
    try records.transaction(model, newModel) { (old, new) throws(StoreError) in
      guard let folder = try old.folder(version) else { throw self.records.unknown(version, of: model) }
      if let other = try new.folder(newVersion), other.isPublished || !other.isEmpty() {
        throw StoreError(.alreadyExists, "\(newModel)/\(newVersion) exists")
      }
      var isActive = old.activeVersion == version
      if isActive { isActive = try freezing.isActiveByItself(model) }
      if folder.isPublished { try old.requireUnlinked(version, besidesActive: isActive) }
      try old.makeModel()
      try new.makeModel()
      let moved = folder.renamed(newModel, newVersion)
      // The new name first: a crash in between leaves both.
      if folder.isPublished {
        try new.publish(moved, in: old.manifestFolder(of: version) ?? .models, switching: .ifNone)
        records.logger.info("renamed: \(model)/\(version) to \(newModel)/\(newVersion) by user \(actor.uid)")
      } else {
        try new.write(moved)
      }
      if isActive {
        let next = if model == newModel { newVersion } else { try newest(besides: version, in: old) }
        try letActiveMoveOn(to: next, in: old, by: actor)
      }
      try old.retract(version)
      follow()
    }
  }
}
