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

  /// Tells what ``Import`` would do. Every byte is read, and nothing is written.
  ///
  /// What cannot be had without writing is not found: whether there is room, and, for a file whose tensors do not lie in
  /// it as they are, whether their values are those that are published.
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
        guard let arrival = try rehearse(source, at: path, isMain: isMain || isShard, alone, &file, progress) else {
          return result.files.append(file)
        }
        if isShard {
          file.fate = .weights
          parts.append(arrival)
        } else {
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
    if let alone {
      file.fate = .weights
      file.reason = "its state dict alone, without " + alone.dropped.joined(separator: "; ")
      return nil
    }
    if !isMain {
      guard FilePurpose(path).mayBeWeights, try WeightKind(of: source, named: name) != nil else { return nil }
    }
    let view = FilePurpose.view(named: path)?.name
    file.fate = .component
    if view == nil, let format = try OpaqueFormat.format(of: source, named: path) {
      (file.fate, file.format) = (.unread, format.rawValue)
      let contents = try UnreadContents(of: try posix(try FileSource(source)), as: format, name)
      (file.tensorCount, file.parameterCount) = (
        contents.counts?.tensorCount, contents.counts?.parameterCount
      )
      return nil
    }
    let fileName = FilePath(name).lastComponent?.string ?? name
    let parsed = try StagedWeights.parse(source, fileName, as: view)
    file.format = parsed.format
    let counts = WeightRecord.Counts(of: parsed.file.stateDict)
    (file.tensorCount, file.parameterCount) = (counts.tensorCount, counts.parameterCount)
    let report = counting(.importing, of: status.size, progress)
    let table = try table(of: parsed.file, source, fileName, report)
    let digest = try Digest(of: StoreCoding.encode(path, pretty: false))
    let arrival = try Arrival(
      WeightRecord(
        path: path, format: parsed.format, blob: table?.blob ?? digest, byteCount: status.size,
        modified: status.modified, table: digest, packs: table.map { [$0.blob] } ?? [], isPlain: parsed.file.isPlain,
        extras: parsed.file.extras, counts: counts), table?.table)
    if arrival.source != nil { file.fate = .weights }
    if !parsed.file.extras.isEmpty { file.reason = "only in it: " + parsed.file.extras.joined(separator: ", ") }
    return arrival
  }

  /// The table that a file would have as a pack of its own, and that pack's id; nil if tensors do not lie in the file as
  /// they are.
  private func table(
    of file: WeightFile, _ source: OpenedFile, _ name: String, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> (table: Table, blob: Digest)? {
    try file.compareRecords(with: source, name, progress)
    guard file.ranges.count == file.storages.count,
      let pieces = SegmentTable.cut(byteCount: try posix(try source.status().size), at: file.ranges)
    else { return nil }
    let checksums = try posix(try RangeScanner(source, progress: progress).checksums(of: pieces))
    let segments = SegmentTable(pieces, checksums)
    let pack = Table.Pack(blob: segments.blob, segments: segments)
    var assembly = TableAssembly(storageCount: file.storages.count)
    _ = assembly.index(of: pack)
    for (index, range) in file.ranges.enumerated() where !range.isEmpty {
      guard let segment = segments.index(ofOffset: range.lowerBound) else { continue }
      try file.compare(checksums[segment], with: index, name)
      assembly.enter(index, checksums[segment], in: pack, segment: segment)
    }
    let table = try assembly.table(
      of: file.stateDict, partialDigests: try file.partialDigests(in: source, progress), stitch: nil)
    return (table, segments.blob)
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
