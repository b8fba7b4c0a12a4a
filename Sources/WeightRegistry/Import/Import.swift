import BlobStore
import Logging
import PosixIO
package import StoreRecords
import SystemPackage
import Tensors
import WeightFormats

/// Publishes weight files. Reading, hashing and storing come first and hold up nobody; then one transaction looks at what is
/// published under the name, and adds to it.
package struct Import: Sendable {
  let records: RecordStore
  let activation: Activation

  private var blobs: BlobStore { records.store.blobs }

  /// Publishes a weight file from elsewhere as a version, or as another view of a version with the same state dict, with its
  /// other files.
  ///
  /// The file is copied into the store, parsed, hashed in one pass, and becomes a pack as it is. Durable on return; if
  /// this throws or the machine stops, the store presents what it did before; except that a version which is to become active,
  /// and does not pass the validation that its model's policy asks for first, is published and not active.
  @discardableResult
  package func callAsFunction(
    _ request: ImportRequest, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> Manifest {
    try records.requireWriting()
    for file in request.files {
      guard let why = FilePurpose.problem(ofPath: file.path) else { continue }
      throw StoreError(.invalidName, "\(file.source) \(why)")
    }
    let isCheckedFirst =
      request.activating && records.policies(of: request.model).validatesBeforeActivating
      && records.activeVersion(of: request.model) != request.version
    let fileName = FilePath(request.source).lastComponent?.string ?? request.source
    let pins = blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    var tensorCount = 0
    defer { FreeMemory.giveBack(afterWorkOn: tensorCount) }
    let source = try posix(try OpenedFile.open(request.source))
    let status = try posix(try source.status())
    // The state dict alone is written before it is read as a file is.
    let report = counting(.importing, of: status.size + (request.alone?.byteCount ?? 0), progress)
    let staged: StagedWeights
    if let alone = request.alone {
      staged = try StagedWeights.written(of: alone, fileName: fileName, as: request.view, in: blobs, progress: report)
    } else {
      staged = try StagedWeights.copy(of: source, fileName: fileName, as: request.view, in: blobs, progress: report)
    }
    let (table, record) = try WeightKeeping(records: records, pins: pins)
      .keep(staged, at: "model.\(request.view)", modified: status.modified, indexing: progress)
    tensorCount = table.stateDict.tensors.count
    let files = try request.files.map { (file) throws(StoreError) in try store(file, pins) }
    let parent: ManifestFolder = request.isCheckpoint || request.version.looksLikeCheckpoint ? .checkpoints : .models
    let manifest = try publish(
      [record], of: table, table: record.table, with: files.map { .put($0) }, as: request.model, request.version,
      from: fileName, in: parent,
      activating: request.activating && !isCheckedFirst, unless: Interruption(progress))
    tell(of: [record], manifest, from: fileName)
    if let alone = request.alone {
      records.logger.info(
        "import: \(fileName) was dropped but for its state dict: \(alone.dropped.joined(separator: "; "))")
    }
    if isCheckedFirst { try activation.setActive(request.model, request.version, progress: progress) }
    return manifest
  }

  /// Makes an upload, which nobody writes to any more, a weight file of a version without a copy. What the version's draft holds
  /// becomes part of it.
  ///
  /// The upload goes, unless a record names it. If this throws, it is still there.
  package func publish(
    _ upload: Upload, at path: String, of model: ModelName, _ version: VersionName, modified: Int64,
    if condition: PublicationCondition = .always, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) {
    try records.requireWriting()
    let pins = blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    var tensorCount = 0
    defer { FreeMemory.giveBack(afterWorkOn: tensorCount) }
    let (table, record) = try store(upload, at: path, modified: modified, pins, progress)
    tensorCount = table.stateDict.tensors.count
    let manifest = try publish(
      [record], of: table, table: record.table, as: model, version, from: path, if: condition,
      unless: Interruption(progress))
    try records.uploads.discard(upload.name)
    tell(of: [record], manifest, from: path)
  }

  /// Stores what is new of an upload.
  func store(
    _ upload: Upload, at path: String, modified: Int64, _ pins: BlobPins, _ progress: @escaping ProgressHandler
  ) throws(StoreError) -> (Table, WeightRecord) {
    let size = try posix(try upload.file.status().size)
    let ingest = try records.uploads.beginIngest(of: upload)
    let staged = try StagedWeights.upload(
      ingest, fileName: path, as: FilePurpose.view(named: path)?.name, in: blobs,
      progress: counting(.importing, of: size, progress))
    return try WeightKeeping(records: records, pins: pins).keep(staged, at: path, modified: modified)
  }

  /// Publishes weight files that are stored, and what else comes with them, in one transaction.
  ///
  /// - Parameters:
  ///   - digest: the table of the whole state dict.
  ///   - changes: what else changes in the version's folder.
  /// - Returns: what is published now.
  func publish(
    _ weights: [WeightRecord], of table: Table, table digest: Digest?, with changes: [FolderChange] = [],
    as model: ModelName, _ version: VersionName, from source: String, in parent: ManifestFolder? = nil,
    activating: Bool = false, if condition: PublicationCondition = .always, unless interruption: Interruption
  ) throws(StoreError) -> Manifest {
    guard let digest else { throw StoreError(.damaged, "\(source) has no table") }
    while true {
      // Reading a table may take a while: it is read before, and must still be that of the version inside.
      let known = try records.folder(of: model, version, unless: interruption)?.manifest?.main?.table
      let published = try known.map { (known) throws(StoreError) in try records.table(known) }
      let result = try records.transaction(model, unless: interruption) {
        (records) throws(StoreError) -> Manifest? in
        let there = try records.folder(version)
        try condition.check(there, model, version)
        let before = there ?? VersionFolder(model: model, version: version, made: Timestamp.now())
        guard before.manifest?.main?.table == known else { return nil }
        var folder = try ManifestBuilder(records: self.records)
          .folder(before, with: weights, of: table, digest, from: source, comparedWith: published)
        for change in changes { folder.apply(change) }
        let parent = parent ?? (version.looksLikeCheckpoint ? .checkpoints : .models)
        return try records.publish(folder, in: parent, switching: activating ? .always : .ifNone)
      }
      if let result { return result }
    }
  }

  /// Writes to the log what was imported.
  func tell(of weights: [WeightRecord], _ manifest: Manifest, from source: String) {
    let extras = weights.filter { !$0.extras.isEmpty }
      .map { "; only in \($0.path): \($0.extras.joined(separator: ", "))" }.joined()
    let formats = Set(weights.map(\.format)).sorted().joined(separator: ", ")
    let count = manifest.main?.tensorCount ?? 0
    records.logger.info(
      "import: \(manifest.model)/\(manifest.version) from \(source) (\(formats), \(count) tensors\(extras))")
  }

  /// Copies a file that is no weight file into the store.
  private func store(_ file: ImportRequest.OtherFile, _ pins: BlobPins) throws(StoreError) -> FolderFile {
    let source = try posix(try OpenedFile.open(file.source))
    let status = try posix(try source.status())
    let bytes = try posix(try LocalBytes(source))
    let ingest = try blobStore(try blobs.beginIngest())
    do throws(BlobStoreError) {
      let table = try ingest.copyAndHash(bytes, storages: []).table
      _ = try ingest.commit(table, pins)
      return FolderFile(path: file.path, table, modified: status.modified)
    } catch {
      throw StoreError(error)
    }
  }
}
