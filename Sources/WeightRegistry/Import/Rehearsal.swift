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
    var files: [(source: String, path: String, isMain: Bool)] = []
    // In the order of the import: paths, then what the files hold, then what is published.
    for file in [(request.source, request.path, isMain: true)]
      + request.files.map({ ($0.source, $0.path, isMain: false) })
    {
      let (source, path, isMain) = file
      if !isMain || request.view == nil, let why = FilePurpose.problem(ofPath: path, allowsViews: isMain) {
        var refused = RehearsedImport.File(source, path, .ordinary)
        refused.proposal = "files/\(path)"
        result.refuse(StoreError(.unacceptable(.unsupported), "\(source) \(why)"), refused)
      } else {
        files.append(file)
      }
    }
    let shards: ArrivingShards?
    do throws(StoreError) { shards = try ArrivingShards(of: request) } catch {
      result.refuse(error)
      return result
    }
    var arrivals: [Arrival] = []
    var changes: [FolderChange] = []
    for (source, path, isMain) in files {
      var file = RehearsedImport.File(source, path, .ordinary)
      do throws(StoreError) {
        let isShard = shards?.holds(path) ?? false
        let name = isMain ? request.fileName : path
        switch try rehearse(&file, name, isMain: isMain, isShard, alone: isMain ? request.alone : nil, progress) {
        case .weights(let arrival): arrivals.append(arrival)
        case .ordinary(let ordinary): changes.append(.put(ordinary))
        }
        if isShard { file.fate = .weights }
        result.files.append(file)
      } catch {
        if case .interrupted = error.code { throw error }
        result.refuse(error, file)
      }
    }
    if result.outcome != .refused {
      do throws(StoreError) {
        try compare(arrivals, shards, changes, with: request, &result)
      } catch {
        result.refuse(error)
      }
    }
    try quarantine(&result)
    return result
  }

  /// Compares what comes with what is published.
  private func compare(
    _ arrivals: [Arrival], _ shards: ArrivingShards?, _ changes: [FolderChange], with request: ImportRequest,
    _ result: inout RehearsedImport
  ) throws(StoreError) {
    let (model, version) = (request.model, request.version)
    let before = try records.folder(of: model, version)
    var builder = try ManifestBuilder(
      model, version, known: before?.manifest, from: request.source, refusing: true, in: records)
    let whole = try shards?.joined(arrivals, as: "\(model)/\(version)") { (table) throws(StoreError) in
      try Digest(of: StoreCoding.encode(table.stateDict.tensors.map(\.name), pretty: false))
    }
    for arrival in whole ?? arrivals {
      do throws(StoreError) { try builder.add(arrival) } catch {
        return result.refuse(error, path: arrival.weights.first?.path)
      }
    }
    builder.finish()
    let base = before ?? VersionFolder(model: model, version: version, made: 0)
    var folder = builder.folder(base)
    for change in changes { folder.apply(change) }
    if builder.changesPublished || folder.replacesFiles(of: base) { try freezing.requireChangeable(model, version) }
    if builder.known != nil { result.outcome = .extended }
    result.views = (builder.manifest.main?.views ?? [:]).keys.sorted()
    let active = records.activeVersion(of: model)
    result.isActive = request.activating || active == nil || active == version
  }

  /// What a file is, and what it holds.
  ///
  /// - Parameter name: names the file in errors.
  private func rehearse(
    _ file: inout RehearsedImport.File, _ name: String, isMain: Bool, _ isShard: Bool, alone: StateDictAlone?,
    _ progress: @escaping ProgressHandler
  ) throws(StoreError) -> Incoming {
    let path = file.path
    let source = try posix(try OpenedFile.open(file.source))
    let status = try posix(try source.status())
    let report = counting(.importing, of: status.size, progress)
    if !isMain {
      guard isShard || FilePurpose(path).mayBeWeights, try WeightKind(of: source, named: file.source) != nil else {
        return .ordinary(
          FolderFile(
            path: path, try hashed(source, cutAt: [], report).table, modified: status.modified,
            properties: FileProperties(permissions: status.permissions)))
      }
    }
    file.fate = Manifest.MainSource(path) == nil ? .component : .weights
    let view = FilePurpose.view(named: path)?.name
    if let alone {
      file.reason = "its state dict alone, without " + alone.dropped.joined(separator: "; ")
      return .weights(
        try arrival(of: alone, in: source, name, as: view, modified: status.modified, &file, report))
    }
    if view == nil, let format = try OpaqueFormat.format(of: source, named: path) {
      (file.fate, file.format) = (.unread, format.rawValue)
      let contents = try UnreadContents(of: try posix(try FileSource(source)), as: format, path)
      (file.tensorCount, file.parameterCount) = (contents.counts?.tensorCount, contents.counts?.parameterCount)
      return .weights(
        try Arrival(
          WeightRecord(
            path: path, format: format.rawValue, blob: try hashed(source, cutAt: [], report).table.blob,
            byteCount: status.size, modified: status.modified, table: nil, packs: [], isPlain: false,
            extras: contents.extras, counts: contents.counts), nil))
    }
    let parsed = try StagedWeights.parse(source, name, as: view)
    if !parsed.file.extras.isEmpty { file.reason = "only in it: " + parsed.file.extras.joined(separator: ", ") }
    let (table, segments, _) = try table(of: parsed.file, source, name, report)
    return .weights(
      try arrival(
        table, segments, as: parsed.format, isPlain: parsed.file.isPlain, extras: parsed.file.extras,
        modified: status.modified, &file))
  }

  /// The file that would be written of a state dict alone.
  private func arrival(
    of alone: StateDictAlone, in source: OpenedFile, _ name: String, as view: String?, modified: Int64,
    _ file: inout RehearsedImport.File, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> Arrival {
    try StagedWeights.require(StateDictAlone.format, toBe: view, name)
    let (table, _, checksums) = try table(of: alone.file, source, name, progress)
    let layout = try parsing(name, try StateDictAlone.layout(of: table.stateDict, checksums))
    var segments: [SegmentTable.Segment] = []
    func append(_ byteCount: Int, _ digest: Digest) {
      let start = segments.last?.range.upperBound ?? 0
      segments.append(SegmentTable.Segment(offset: start, byteCount: byteCount, digest: digest))
    }
    // It is cut at its storages: what lies between two of them is one segment.
    var literal: [UInt8] = []
    for segment in layout.segments {
      switch segment {
      case .literal(let bytes): literal += bytes
      case .storage(_, _, byteCount: 0): break
      case .storage(let index, _, let byteCount):
        if !literal.isEmpty { append(literal.count, Digest(of: literal)) }
        literal = []
        append(byteCount, checksums[index].digest)
      }
    }
    if !literal.isEmpty { append(literal.count, Digest(of: literal)) }
    return try arrival(
      table, SegmentTable(segments), as: StateDictAlone.format.name, isPlain: true, extras: [],
      modified: modified, &file)
  }

  /// A weight file as it would come. Nobody stores its table, so its digest is that of something else.
  private func arrival(
    _ table: Table, _ segments: SegmentTable, as format: String, isPlain: Bool, extras: [String], modified: Int64,
    _ file: inout RehearsedImport.File
  ) throws(StoreError) -> Arrival {
    let counts = WeightRecord.Counts(of: table.stateDict)
    (file.format, file.tensorCount, file.parameterCount) = (format, counts.tensorCount, counts.parameterCount)
    return try Arrival(
      WeightRecord(
        path: file.path, format: format, blob: segments.blob, byteCount: segments.byteCount, modified: modified,
        table: Digest(of: StoreCoding.encode(file.path, pretty: false)), packs: table.packs.map(\.blob),
        isPlain: isPlain, extras: extras, counts: counts), table)
  }

  /// The table that a file would have as a pack of its own, with another pack of those storages that do not lie in it as they
  /// are; how the file would be cut, and the checksum of each storage.
  private func table(
    of file: WeightFile, _ source: OpenedFile, _ name: String, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> (table: Table, segments: SegmentTable, checksums: [StorageChecksum]) {
    try file.compareRecords(with: source, name, progress)
    let (segments, found) = try hashed(source, cutAt: file.ranges, progress)
    let pack = Table.Pack(blob: segments.blob, segments: segments)
    var assembly = TableAssembly(storageCount: file.storages.count)
    _ = assembly.index(of: pack)
    var checksums = [StorageChecksum](repeating: StorageHasher().finalize(), count: file.storages.count)
    var gathered: [(storage: Int, range: Range<Int>)] = []
    var next = 0
    for (index, storage) in file.storages.enumerated() {
      switch storage {
      case .range(let offset, let byteCount):
        checksums[index] = found[next]
        next += 1
        guard byteCount > 0, let segment = segments.index(ofOffset: offset) else { continue }
        try file.compare(checksums[index], with: index, name)
        assembly.enter(index, checksums[index], in: pack, segment: segment)
      case .strided(let strided):
        let reader = try parsing(name, try StridedReader(strided))
        guard reader.byteCount > 0 else { continue }
        let start = gathered.last?.range.upperBound ?? 0
        gathered.append((index, start..<start + reader.byteCount))
        checksums[index] = try checksum(of: reader, source, progress)
      }
    }
    let others = SegmentTable(gathered.map(\.range), gathered.map { checksums[$0.storage] })
    let otherPack = Table.Pack(blob: others.blob, segments: others)
    for (segment, member) in gathered.enumerated() {
      assembly.enter(member.storage, checksums[member.storage], in: otherPack, segment: segment)
    }
    let table = try assembly.table(
      of: file.stateDict, partialDigests: try file.partialDigests(in: source, progress), stitch: nil)
    return (table, segments, checksums)
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

  private func hashed(
    _ source: OpenedFile, cutAt storages: [Range<Int>], _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> (table: SegmentTable, checksums: [StorageChecksum]) {
    try posix(
      try RangeScanner(source, progress: progress)
        .segments(of: try source.status().size, cutAt: storages, path: source.path))
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
