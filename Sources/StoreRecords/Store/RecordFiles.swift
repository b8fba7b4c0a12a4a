import BlobStore
import Glibc
import PosixIO
import SystemPackage
import Tensors

/// The records of a store as files: where each lies, how large it may become, how it is read, checked and written.
///
/// It remembers nothing and takes no lock: whoever writes holds the model's.
struct RecordFiles: Sendable {
  let store: StoreFolder
  let limits: RecordLimits
  /// Whether another process may write the store meanwhile.
  let isReader: Bool

  /// What a version's folder holds; nil if there is no such version, nor a draft.
  ///
  /// - Parameter parent: where the manifest lies; nil for a draft.
  func folder(
    of model: ModelName, _ version: VersionName, in parent: ManifestFolder?
  ) throws(StoreError) -> LoadedFolder? {
    // A reader may see a manifest of one moment and the journal of another: of two equal looks both are of one.
    for attempt in 1... {
      let manifest = try parent.map { (parent) throws(StoreError) in try self.manifest(of: model, version, in: parent) }
      let revision = manifest?.revision ?? 0
      let journal = try self.journal(of: model, version, revision: revision)
      if isReader, attempt < 8, let parent, try self.manifest(of: model, version, in: parent).revision != revision {
        continue
      }
      guard manifest != nil || journal != nil && (!isReader || version == .own) else { return nil }
      var folder =
        manifest.map { VersionFolder($0) } ?? VersionFolder(model: model, version: version, made: journal?.made ?? 0)
      for change in journal?.changes ?? [] { folder.apply(change) }
      return LoadedFolder(folder: folder, journal: journal?.extent)
    }
    return nil
  }

  /// Reads and checks a table.
  func table(_ digest: Digest) throws(StoreError) -> Table {
    try read(digest) { (json) throws(StoreError) in try TableReader.table(&json) }
  }

  /// Reads, of a table, the segments of some packs that it names.
  func segments(of packs: Set<Digest>, in table: Digest) throws(StoreError) -> [Digest: SegmentTable] {
    try read(table) { (json) throws(StoreError) in try TableReader.segments(of: packs, &json) }
  }

  private func read<Part>(
    _ digest: Digest, _ part: (inout JSONStream) throws(StoreError) -> Part
  ) throws(StoreError) -> Part {
    var json = JSONStream(
      try blobStore(try store.blobs.reader(of: digest, limit: limits.table)), name: "table \(digest)")
    do throws(StoreError) {
      return try part(&json)
    } catch {
      // Bytes that are not what they were are said to be just that, whatever they happen to mean.
      try json.checkBytes()
      throw error
    }
  }

  private func folder(_ parent: ManifestFolder) throws(StoreError) -> Folder {
    switch parent {
    case .models: store.models
    case .checkpoints: try store.forWriting(store.checkpoints)
    }
  }

  private func replace(_ name: String, of model: ModelName, in parent: Folder, with bytes: [UInt8]) throws(StoreError) {
    let staging = try store.stagingForWriting
    try posix(try parent.makeFolder(model.text).replace(name, with: bytes, staging: staging))
  }

  /// - Throws: `system(EFBIG)` for more bytes than are read.
  private func check(_ bytes: [UInt8], _ limit: Int, of model: ModelName, _ version: VersionName) throws(StoreError) {
    guard bytes.count > limit else { return }
    throw StoreError(
      .system(errno: EFBIG),
      "\(model)/\(version) has more files than its record can hold: it would have \(bytes.count) bytes, and at most "
        + "\(limit) are read")
  }

  // MARK: Manifests

  private func manifest(
    of model: ModelName, _ version: VersionName, in parent: ManifestFolder
  ) throws(StoreError) -> Manifest {
    let folder = try folder(parent)
    let bytes = try posix(try folder.folder(model.text).contents(of: version.text + ".json", limit: limits.manifest))
    do throws(StoreError) {
      let manifest = try Manifest.read(bytes, what: "the manifest of \(model)/\(version)")
      try manifest.checkConsistency()
      guard manifest.model == model, manifest.version == version else {
        throw StoreError(
          .damaged,
          "the manifest of \(model)/\(version) is damaged: it says it is that of \(manifest.model)/\(manifest.version)")
      }
      return manifest
    } catch  where error.code == .damaged {
      throw StoreError(
        .damaged,
        "\(error); bring \(parent.rawValue)/\(model)/\(version).json in the store back from a copy of it, or remove that file "
          + "while the store is not mounted: then the version is given up")
    }
  }

  /// What a manifest is on disk.
  ///
  /// - Throws: `system(EFBIG)` if it could not be read again.
  func text(of manifest: Manifest) throws(StoreError) -> [UInt8] {
    try manifest.checkConsistency()
    let bytes = try StoreCoding.encode(manifest, pretty: true)
    try check(bytes, limits.manifest, of: manifest.model, manifest.version)
    return bytes
  }

  /// Writes the text of a manifest, durably: that is what publishes a version.
  func writeManifest(
    _ text: [UInt8], of model: ModelName, _ version: VersionName, in parent: ManifestFolder
  ) throws(StoreError) {
    try replace(version.text + ".json", of: model, in: try folder(parent), with: text)
  }

  func removeManifest(of model: ModelName, _ version: VersionName, in parent: ManifestFolder) throws(StoreError) {
    let folder = try folder(parent)
    try remove([version.text + ".json"], of: model, in: folder)
  }

  private func remove(_ names: [String], of model: ModelName, in parent: Folder) throws(StoreError) {
    do throws(PosixError) {
      let folder = try parent.folder(model.text)
      for name in names { try folder.removeFile(name) }
      try folder.synchronize()
    } catch {
      throw StoreError(error)
    }
  }

  // MARK: Journals

  private func journal(
    of model: ModelName, _ version: VersionName, revision: Int
  ) throws(StoreError) -> FolderJournal? {
    guard let folders = store.folders else { return nil }
    let name = FolderJournal.fileName(version, revision: revision)
    let bytes = try ifThere(try folders.folder(model.text).contents(of: name, limit: limits.journal))
    return try bytes.flatMap { (bytes) throws(StoreError) in
      try FolderJournal(bytes, what: "folders/\(model)/\(name)")
    }
  }

  /// Writes a whole journal, durably.
  func writeJournal(
    of folder: VersionFolder, revision: Int, _ changes: [FolderChange]
  ) throws(StoreError) -> FolderJournal.Extent {
    let bytes = try FolderJournal.text(made: folder.made, changes)
    try check(bytes, limits.journal, of: folder.model, folder.version)
    let name = FolderJournal.fileName(folder.version, revision: revision)
    try replace(name, of: folder.model, in: try store.forWriting(store.folders), with: bytes)
    return .init(byteCount: bytes.count, lineCount: changes.count)
  }

  /// Adds lines to a journal, durably.
  func append(
    _ changes: [FolderChange], to extent: FolderJournal.Extent, of folder: VersionFolder
  ) throws(StoreError) -> FolderJournal.Extent {
    let bytes = try FolderJournal.lines(changes)
    let (begin, end) = (extent.byteCount, extent.byteCount + bytes.count)
    guard end <= limits.journal else {
      throw StoreError(
        .system(errno: EFBIG), "\(folder.model)/\(folder.version) has more files than its record can hold")
    }
    let parent = try store.forWriting(store.folders)
    let name = FolderJournal.fileName(folder.version, revision: folder.manifest?.revision ?? 0)
    do throws(PosixError) {
      let file = try parent.folder(folder.model.text).makeFile(name, exclusively: false)
      // What a write that did not end has left.
      if try file.status().size > begin { try file.truncate(to: begin) }
      try file.write(bytes, at: begin)
      try file.synchronize()
    } catch {
      throw StoreError(error)
    }
    return .init(byteCount: end, lineCount: extent.lineCount + changes.count)
  }

  func removeJournals(of model: ModelName, _ version: VersionName, _ revisions: Set<Int>) throws(StoreError) {
    let names = revisions.sorted().map { FolderJournal.fileName(version, revision: $0) }
    try remove(names, of: model, in: try store.forWriting(store.folders))
  }

  // MARK: Backups

  /// The backups of a model, with what unfinished commands left, oldest first within a version.
  ///
  /// - Parameter version: nil for all; records of others are not read then.
  func backups(of model: ModelName, _ version: VersionName?) throws(StoreError) -> [BackupRecord] {
    guard let backups = store.backups, let folder = try ifThere(try backups.folder(model.text)) else { return [] }
    var records: [BackupRecord] = []
    for name in try posix(try folder.names()) {
      guard let (named, number) = BackupRecord.parse(fileName: name), version == nil || named == version else {
        continue
      }
      // One that is not there was purged or restored a moment ago.
      guard let bytes = try ifThere(try folder.contents(of: name, limit: limits.manifest)) else { continue }
      var record = try StoreCoding.decode(
        BackupRecord.self, from: bytes,
        what: "\(store.path)/backups/\(model)/\(name), what is kept of \(model)/\(named),")
      try record.manifest.checkConsistency()
      guard record.manifest.model == model, record.manifest.version == named else {
        throw StoreError(.damaged, "backups/\(model)/\(name) is damaged: it is of another version")
      }
      record.number = number
      records.append(record)
    }
    return records.sorted { ($0.manifest.version, $0.number) < ($1.manifest.version, $1.number) }
  }

  /// Writes a backup, durably; one that has its number goes.
  func write(_ record: BackupRecord) throws(StoreError) {
    let bytes = try StoreCoding.encode(record, pretty: true)
    let (model, version) = (record.manifest.model, record.manifest.version)
    try check(bytes, limits.manifest, of: model, version)
    try replace(record.fileName, of: model, in: try store.forWriting(store.backups), with: bytes)
  }

  func remove(_ record: BackupRecord) throws(StoreError) {
    try remove([record.fileName], of: record.manifest.model, in: try store.forWriting(store.backups))
  }
}

/// A version's folder, and how long its journal is; nil if it has none.
struct LoadedFolder: Sendable {
  var folder: VersionFolder
  var journal: FolderJournal.Extent?
}
