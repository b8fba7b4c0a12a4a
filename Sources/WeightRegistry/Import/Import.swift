import BlobStore
import Logging
package import PosixIO
package import StoreRecords
import Tensors
import WeightFormats

/// Publishes weight files. Reading, hashing and storing come first and hold up nobody; then one transaction looks at what is
/// published under the name, and adds to it.
package struct Import: Sendable {
  let records: RecordStore
  let activation: Activation

  private var blobs: BlobStore { records.store.blobs }
  private var freezing: Freezing { Freezing(records: records) }

  /// Publishes a weight file from elsewhere as a version, or adds it to a version, with its other files. A version that is
  /// published with other weights under the same names is refused.
  ///
  /// The file is copied into the store, parsed, hashed in one pass, and becomes a pack as it is. Durable on return; if
  /// this throws or the machine stops, the store presents what it did before; except that a version which is to become active,
  /// and does not pass the validation that its model's policy asks for first, is published and not active.
  @discardableResult
  package func callAsFunction(
    _ request: ImportRequest, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> Manifest {
    try records.requireWriting()
    try request.requirePaths()
    let isCheckedFirst =
      request.activating && records.policies(of: request.model).validatesBeforeActivating
      && records.activeVersion(of: request.model) != request.version
    let fileName = request.fileName
    let shards = try ArrivingShards(of: request)
    let pins = blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    var tensorCount = 0
    defer { FreeMemory.giveBack(afterWorkOn: tensorCount) }
    // Before there is much that is not on disk yet: whatever is forced to disk waits for that, too.
    try records.index.update(progress: progress)
    let source = try posix(try OpenedFile.open(request.source))
    let status = try posix(try source.status())
    // The state dict alone is written before it is read as a file is.
    let report = counting(.importing, of: status.size + (request.alone?.byteCount ?? 0), progress)
    let keeping = WeightKeeping(records: records, pins: pins)
    var arrivals: [Arrival] = []
    if let alone = request.alone {
      let staged = try StagedWeights.written(
        of: alone, fileName: fileName, as: request.view, in: blobs, progress: report)
      arrivals.append(try keeping.keep(staged, at: request.path, modified: status.modified))
    } else {
      let opaque = request.view == nil ? try OpaqueFormat.format(of: source, named: request.path) : nil
      arrivals.append(
        try copy(
          source, named: fileName, at: request.path, as: opaque, modified: status.modified, keeping, report))
    }
    var files: [FolderChange] = []
    for file in request.files {
      switch try store(file, isShard: shards?.holds(file.path) ?? false, pins, progress) {
      case .weights(let component): arrivals.append(component)
      case .ordinary(let file): files.append(.put(file))
      }
    }
    if let shards {
      arrivals = try shards.joined(arrivals, as: "\(request.model)/\(request.version)") { (table) throws(StoreError) in
        try keeping.store(table)
      }
    }
    tensorCount = arrivals.reduce(0) { $0 + $1.tensorCount }
    let parent: ManifestFolder = request.isCheckpoint || request.version.looksLikeCheckpoint ? .checkpoints : .models
    let manifest = try publish(
      arrivals, with: files, as: request.model, request.version, from: fileName, in: parent,
      activating: request.activating && !isCheckedFirst, refusing: true, unless: Interruption(progress))
    tell(of: arrivals.flatMap(\.weights), manifest, from: fileName)
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
  ///
  /// - Parameter refusing: whether other weights than those that are published are refused, and make no edition.
  package func publish(
    _ upload: Upload, at path: String, of model: ModelName, _ version: VersionName, modified: Int64,
    refusing: Bool = false, if condition: PublicationCondition = .always,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) {
    try records.requireWriting()
    let pins = blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    var tensorCount = 0
    defer { FreeMemory.giveBack(afterWorkOn: tensorCount) }
    let arrival = try store(upload, at: path, modified: modified, pins, progress)
    tensorCount = arrival.tensorCount
    let manifest = try publish(
      [arrival], as: model, version, from: path, refusing: refusing, if: condition, unless: Interruption(progress))
    try records.uploads.discard(upload.name)
    tell(of: arrival.weights, manifest, from: path)
  }

  /// Gives a version the bytes that another version's weight file has, by its records alone.
  package func publish(
    copyOf file: WeightRecord, at path: String, of model: ModelName, _ version: VersionName,
    if condition: PublicationCondition = .always, unless interruption: Interruption = .never
  ) throws(StoreError) {
    try records.requireWriting()
    let pins = blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    pins.pin(file.blobs)
    for blob in file.blobs where try !blobStore(try blobs.contains(blob)) {
      throw StoreError(.damaged, "blob \(blob) is missing from the store")
    }
    var copy = file
    copy.path = path
    let manifest = try publish(
      [try Arrival(copy, try table(of: copy))], as: model, version, from: path, if: condition, unless: interruption)
    tell(of: [copy], manifest, from: path)
  }

  /// The table of a weight file; nil for one that is kept unread.
  func table(of file: WeightRecord) throws(StoreError) -> Table? {
    try file.table.map { (digest) throws(StoreError) in try records.table(digest) }
  }

  /// Stores what is new of an upload.
  func store(
    _ upload: Upload, at path: String, modified: Int64, _ pins: BlobPins, _ progress: @escaping ProgressHandler
  ) throws(StoreError) -> Arrival {
    try records.index.update()
    let size = try posix(try upload.file.status().size)
    let ingest = try records.uploads.beginIngest(of: upload)
    let progress = counting(.importing, of: size, progress)
    if FilePurpose(path) == .component, let format = try OpaqueFormat.format(of: upload.file, named: path) {
      return try WeightKeeping(records: records, pins: pins)
        .keepUnread(ingest, at: path, as: format, modified: modified, progress)
    }
    let staged = try StagedWeights.upload(
      ingest, fileName: path, as: FilePurpose.view(named: path)?.name, in: blobs, progress: progress)
    return try WeightKeeping(records: records, pins: pins).keep(staged, at: path, modified: modified)
  }

  /// Publishes weight files that are stored, and what else comes with them, in one transaction. An earlier edition of the version
  /// is retired in it.
  ///
  /// - Parameters:
  ///   - changes: what else changes in the version's folder.
  ///   - refusing: whether other weights than those that are published are refused, and make no edition.
  /// - Returns: what is published now.
  func publish(
    _ arrivals: [Arrival], with changes: [FolderChange] = [], as model: ModelName, _ version: VersionName,
    from source: String, in parent: ManifestFolder? = nil, activating: Bool = false, refusing: Bool = false,
    if condition: PublicationCondition = .always, unless interruption: Interruption
  ) throws(StoreError) -> Manifest {
    while true {
      let known = try records.folder(of: model, version, unless: interruption)?.manifest
      var builder = try ManifestBuilder(
        model, version, known: known, from: source, refusing: refusing, in: records)
      for arrival in arrivals { try builder.add(arrival) }
      builder.finish()
      let made = builder
      let publish = { (records: ModelTransaction, backups: [BackupRecord]) throws(StoreError) -> Manifest? in
        let there = try records.folder(version)
        try condition.check(there, model, version)
        let before = there ?? VersionFolder(model: model, version: version, made: Timestamp.now())
        guard before.manifest == made.known else { return nil }
        var folder = made.folder(before)
        for change in changes { folder.apply(change) }
        if made.changesPublished || folder.replacesFiles(of: before) { try freezing.requireChangeable(model, version) }
        if made.isNewEdition {
          try Retention.retireEdition(of: before, isWritten: true, in: records, beside: backups, by: .current)
        }
        let parent = parent ?? (version.looksLikeCheckpoint ? .checkpoints : .models)
        return try records.publish(folder, in: parent, switching: activating ? .always : .ifNone)
      }
      let result: Manifest?
      if made.isNewEdition {
        result = try records.transaction(model, backupsOf: version, unless: interruption, publish)
      } else {
        result = try records.transaction(model, unless: interruption) { (records) throws(StoreError) in
          try publish(records, [])
        }
      }
      guard let result else { continue }
      let arrived = Set(arrivals.flatMap(\.weights).map(\.path))
      if result.weights.allSatisfy({ arrived.contains($0.path) }) { records.knownDamage.forget(model, version) }
      return result
    }
  }

  /// Writes to the log what was imported.
  func tell(of weights: [WeightRecord], _ manifest: Manifest, from source: String) {
    let extras = weights.filter { !$0.extras.isEmpty }
      .map { "; only in \($0.path): \($0.extras.joined(separator: ", "))" }.joined()
    let formats = Set(weights.map(\.format)).sorted().joined(separator: ", ")
    let count = manifest.main.map { ", \($0.tensorCount) tensors" } ?? ""
    records.logger.info(
      "import: \(manifest.model)/\(manifest.version) from \(source) (\(formats)\(count)\(extras))")
  }

  /// Copies another file of a version into the store.
  private func store(
    _ file: ImportRequest.OtherFile, isShard: Bool, _ pins: BlobPins, _ progress: @escaping ProgressHandler
  ) throws(StoreError) -> Incoming {
    let source = try posix(try OpenedFile.open(file.source))
    let status = try posix(try source.status())
    let progress = counting(.importing, of: status.size, progress)
    if isShard || FilePurpose(file.path).mayBeWeights, let kind = try WeightKind(of: source, named: file.source) {
      let keeping = WeightKeeping(records: records, pins: pins)
      return .weights(
        try copy(
          source, named: file.path, at: file.path, as: kind.opaque, modified: status.modified, keeping, progress))
    }
    let bytes = try posix(try LocalBytes(source))
    let ingest = try blobStore(try blobs.beginIngest())
    do throws(BlobStoreError) {
      let table = try ingest.copyAndHash(bytes, storages: []).table
      _ = try ingest.commit(table, pins)
      return .ordinary(
        FolderFile(
          path: file.path, table, modified: status.modified,
          properties: FileProperties(permissions: status.permissions)))
    } catch {
      throw StoreError(error)
    }
  }

  /// Copies a weight file into the store.
  ///
  /// - Parameters:
  ///   - name: names it in errors.
  ///   - path: where it will be in its version.
  ///   - opaque: the format of a file that is kept unread; nil for one that is read.
  private func copy(
    _ source: OpenedFile, named name: String, at path: String, as opaque: OpaqueFormat?, modified: Int64,
    _ keeping: WeightKeeping, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> Arrival {
    if let opaque {
      let ingest = try blobStore(try blobs.beginIngest())
      return try keeping.keepUnread(ingest, copying: source, at: path, as: opaque, modified: modified, progress)
    }
    let staged = try StagedWeights.copy(
      of: source, fileName: name, as: FilePurpose.view(named: path)?.name, in: blobs, progress: progress)
    return try keeping.keep(staged, at: path, modified: modified)
  }
}
