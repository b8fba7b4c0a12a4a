import BlobStore
import PosixIO
package import StoreRecords
import SystemPackage
import Tensors
import WeightFormats

/// Finds out what an import would do.
package struct Rehearsal: Sendable {
  let records: RecordStore

  private var freezing: Freezing { Freezing(records: records) }

  /// Tells what ``Import`` would do. Every byte is read, and nothing is written: whether there is room is not found.
  package func callAsFunction(
    _ request: ImportRequest, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> RehearsedImport {
    var result = RehearsedImport(request)
    let known = try records.folder(of: request.model, request.version)?.manifest
    var builder = try ManifestBuilder(
      request.model, request.version, known: known, from: request.source, refusing: true, in: records)
    let shards: ArrivingShards?
    do throws(StoreError) { shards = try ArrivingShards(of: request) } catch {
      result.refuse(error)
      return result
    }
    var parts: [Arrival] = []
    func add(_ source: String, _ path: String, isMain: Bool) throws(StoreError) {
      var file = RehearsedImport.File(source, path, .ordinary)
      if !isMain || request.view == nil, let why = FilePurpose.problem(ofPath: path, allowsViews: isMain) {
        file.proposal = "files/\(path)"
        return result.refuse(StoreError(.unacceptable(.unsupported), "\(source) \(why)"), file)
      }
      do throws(StoreError) {
        let alone = isMain ? request.alone : nil
        let isShard = shards?.holds(path) ?? false
        let arrival = try rehearse(source, at: path, isMain: isMain || isShard, alone, &file, progress)
        if isShard, let arrival {
          file.fate = .weights
          parts.append(arrival)
        } else if let arrival {
          try builder.add(arrival)
        }
        result.files.append(file)
      } catch {
        if case .interrupted = error.code { throw error }
        result.refuse(error, file)
      }
    }
    try add(request.source, request.path, isMain: true)
    for file in request.files { try add(file.source, file.path, isMain: false) }
    if let shards, result.outcome != .refused {
      do throws(StoreError) {
        let whole = try shards.joined(parts, as: "\(request.model)/\(request.version)") { (table) throws(StoreError) in
          try Digest(of: StoreCoding.encode(table.stateDict.tensors.map(\.name), pretty: false))
        }
        for arrival in whole { try builder.add(arrival) }
      } catch {
        result.refuse(error)
      }
    }
    try quarantine(&result)
    guard result.outcome != .refused else { return result }
    if known != nil { result.outcome = .extended }
    builder.finish()
    result.views = (builder.manifest.main?.views ?? [:]).keys.sorted()
    let active = records.activeVersion(of: request.model)
    let isCheckpoint = request.isCheckpoint || request.version.looksLikeCheckpoint
    result.isActive = request.activating || active == request.version || active == nil && !isCheckpoint
    do throws(StoreError) {
      let folder = try records.folder(of: request.model, request.version)
      let replaces = request.files.contains { folder?.file(at: $0.path) != nil }
      if builder.changesPublished || replaces { try freezing.requireChangeable(request.model, request.version) }
    } catch {
      result.refuse(error)
    }
    return result
  }

  /// What a file is, and what it holds; nil for one that holds no weights.
  private func rehearse(
    _ name: String, at path: String, isMain: Bool, _ alone: StateDictAlone?, _ file: inout RehearsedImport.File,
    _ progress: @escaping ProgressHandler
  ) throws(StoreError) -> Arrival? {
    let source = try posix(try OpenedFile.open(name))
    let status = try posix(try source.status())
    let report = counting(.importing, of: status.size, progress)
    file.fate = Manifest.MainSource(path) == nil ? .component : .weights
    if let alone {
      file.reason = "its state dict alone, without " + alone.dropped.joined(separator: "; ")
      return try arrival(of: alone.file, in: source, name, as: StateDictAlone.format.name, at: path, &file, report)
    }
    if !isMain {
      guard FilePurpose(path).mayBeWeights, try WeightKind(of: source, named: name) != nil else {
        file.fate = .ordinary
        return nil
      }
    }
    let view = FilePurpose.view(named: path)?.name
    if view == nil, let format = try OpaqueFormat.format(of: source, named: path) {
      (file.fate, file.format) = (.unread, format.rawValue)
      let contents = try UnreadContents(of: try posix(try FileSource(source)), as: format, name)
      (file.tensorCount, file.parameterCount) = (contents.counts?.tensorCount, contents.counts?.parameterCount)
      return try Arrival(
        WeightRecord(
          path: path, format: format.rawValue, blob: try measured(source, cutAt: [], name, report).segments.blob,
          byteCount: status.size, modified: status.modified, table: nil, packs: [], isPlain: false,
          extras: contents.extras, counts: contents.counts), nil)
    }
    let fileName = FilePath(name).lastComponent?.string ?? name
    let parsed = try StagedWeights.parse(source, fileName, as: view)
    if !parsed.file.extras.isEmpty { file.reason = "only in it: " + parsed.file.extras.joined(separator: ", ") }
    return try arrival(of: parsed.file, in: source, fileName, as: parsed.format, at: path, &file, report)
  }

  /// A weight file as it would come. Nobody stores its table, so its digest is that of something else.
  private func arrival(
    of weights: WeightFile, in source: OpenedFile, _ name: String, as format: String, at path: String,
    _ file: inout RehearsedImport.File, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> Arrival {
    let counts = WeightRecord.Counts(of: weights.stateDict)
    (file.format, file.tensorCount, file.parameterCount) = (format, counts.tensorCount, counts.parameterCount)
    let (table, blob) = try table(of: weights, source, name, progress)
    let status = try posix(try source.status())
    return try Arrival(
      WeightRecord(
        path: path, format: format, blob: blob, byteCount: status.size, modified: status.modified,
        table: Digest(of: StoreCoding.encode(path, pretty: false)), packs: table.packs.map(\.blob),
        isPlain: weights.isPlain, extras: weights.extras, counts: counts), table)
  }

  /// The table that a file would have as a pack of its own, with another pack of those storages that do not lie in it as they
  /// are; and its id.
  private func table(
    of file: WeightFile, _ source: OpenedFile, _ name: String, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> (table: Table, blob: Digest) {
    try file.compareRecords(with: source, name, progress)
    let (segments, checksums) = try measured(source, cutAt: file.ranges, name, progress)
    let pack = Table.Pack(blob: segments.blob, segments: segments)
    var assembly = TableAssembly(storageCount: file.storages.count)
    _ = assembly.index(of: pack)
    var gathered: [(storage: Int, byteCount: Int, checksum: StorageChecksum)] = []
    for (index, storage) in file.storages.enumerated() {
      switch storage {
      case .range(_, byteCount: 0): break
      case .range(let offset, _):
        guard let segment = segments.index(ofOffset: offset) else { continue }
        try file.compare(checksums[segment], with: index, name)
        assembly.enter(index, checksums[segment], in: pack, segment: segment)
      case .strided(let strided):
        let reader = try parsing(name, try StridedReader(strided))
        guard reader.byteCount > 0 else { continue }
        gathered.append((index, reader.byteCount, try checksum(of: reader, source, progress)))
      }
    }
    var ranges: [Range<Int>] = []
    for storage in gathered {
      let start = ranges.last?.upperBound ?? 0
      ranges.append(start..<start + storage.byteCount)
    }
    let others = SegmentTable(ranges, gathered.map(\.checksum))
    for (segment, storage) in gathered.enumerated() {
      assembly.enter(
        storage.storage, storage.checksum, in: Table.Pack(blob: others.blob, segments: others), segment: segment)
    }
    let table = try assembly.table(
      of: file.stateDict, partialDigests: try file.partialDigests(in: source, progress), stitch: nil)
    return (table, segments.blob)
  }

  /// Hashes a strided tensor as the contiguous one that it would be stored as.
  private func checksum(
    of reader: StridedReader, _ source: OpenedFile, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> StorageChecksum {
    var hasher = StorageHasher()
    do throws(PosixError) {
      try reader.copyInOrder(
        read: { (offset, buffer) throws(PosixError) in try source.fill(buffer, at: offset) },
        take: { (bytes) throws(PosixError) in hasher.update(bytes) },
        progress: { (bytes) throws(PosixError) in
          guard progress(bytes) else { throw PosixError(.interrupted, call: "read", path: source.path) }
        })
    } catch {
      throw StoreError(error)
    }
    return hasher.finalize()
  }

  /// Hashes a file, cut at storages.
  ///
  /// - Returns: its segments, and the checksum of each.
  private func measured(
    _ source: OpenedFile, cutAt storages: [Range<Int>], _ name: String, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> (segments: SegmentTable, checksums: [StorageChecksum]) {
    guard let pieces = SegmentTable.cut(byteCount: try posix(try source.status().size), at: storages) else {
      throw StoreError(.unacceptable(.malformed), "\(name): its storages overlap")
    }
    let checksums = try posix(try RangeScanner(source, progress: progress).checksums(of: pieces))
    return (SegmentTable(pieces, checksums), checksums)
  }

  /// Finds the files that nobody could open.
  private func quarantine(_ result: inout RehearsedImport) throws(StoreError) {
    guard records.policies(of: result.model).pickles == .quarantine else { return }
    for index in result.files.indices where [.ordinary, .unread].contains(result.files[index].fate) {
      let source = try posix(try OpenedFile.open(result.files[index].source))
      let bytes = try posix(try LocalBytes(source))
      let danger = try parsing(
        result.files[index].path, try VersionView(bytes, byteCount: bytes.byteCount).danger())
      guard let danger else { continue }
      result.files[index].fate = .quarantined
      result.files[index].reason =
        "\(danger); it is kept, and opens only with: tantra config \(result.model) pickles allow"
    }
  }
}
