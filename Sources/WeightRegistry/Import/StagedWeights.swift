import BlobStore
import PosixIO
import StoreRecords
import Tensors
import WeightFormats

/// A weight file in the staging folder, parsed, hashed and checked: all that it takes to decide how to keep it.
struct StagedWeights: ~Copyable {
  /// The file, known to nobody else.
  let ingest: Ingest
  let fileName: String
  /// Name of its format.
  let format: String
  let file: WeightFile
  /// How the whole file was hashed, cut at its storages.
  let segments: SegmentTable
  /// Parallel to `file.storages`; nil for empty ones.
  let storages: [StagedStorage?]
  /// The pack of the storages that do not lie in the file as they are; nil if all do.
  let gathered: StagedPack?
  /// SHA-256 of the tensors that fill only a part of their storage, by index.
  let partialDigests: [Int: Digest]
  /// Whom to tell of bytes that are read or copied because of it, and to ask whether to go on.
  let progress: RangeScanner.Progress

  /// Stages a copy of `source`, which is hashed in the same pass.
  ///
  /// - Parameters:
  ///   - fileName: names the file in errors.
  ///   - view: what the file is to be served as; nil for what its name does not say.
  static func copy(
    of source: OpenedFile, fileName: String, as view: String?, in blobs: BlobStore,
    progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> StagedWeights {
    let parsed = try Self.parse(source, fileName, as: view)
    let bytes = try posix(try LocalBytes(source))
    let ingest = try blobStore(try blobs.beginIngest())
    let hashed: (table: SegmentTable, checksums: [StorageChecksum])
    do throws(BlobStoreError) {
      hashed = try ingest.copyAndHash(bytes, storages: parsed.file.ranges, progress: progress)
    } catch {
      throw StoreError(error)
    }
    // Somebody may have written to the source after it was parsed.
    try Self.requireSameBytes(parsed.source, ingest.file, fileName)
    return try measured(ingest, fileName, parsed.format, parsed.file, hashed, in: blobs, progress)
  }

  /// Takes over a file that is in the staging folder already, whole and written by nobody any more.
  static func upload(
    _ ingest: consuming Ingest, fileName: String, as view: String?, in blobs: BlobStore,
    progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> StagedWeights {
    let parsed = try Self.parse(ingest.file, fileName, as: view)
    let hashed: (table: SegmentTable, checksums: [StorageChecksum])
    do throws(BlobStoreError) {
      hashed = try ingest.hash(storages: parsed.file.ranges, progress: progress)
    } catch {
      throw StoreError(error)
    }
    // Somebody may have stored into a mapping of it after it was parsed.
    try Self.requireSameBytes(parsed.source, ingest.file, fileName)
    return try measured(ingest, fileName, parsed.format, parsed.file, hashed, in: blobs, progress)
  }

  /// Writes and takes over the state dict of a file that is not served itself.
  static func written(
    of alone: StateDictAlone, fileName: String, as view: String?, in blobs: BlobStore,
    progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> StagedWeights {
    let ingest = try blobStore(try blobs.beginIngest())
    try alone.write(to: .init(ingest.file), progress: progress)
    return try upload(ingest, fileName: fileName, as: view, in: blobs, progress: progress)
  }

  /// Finds out what each storage is, wherever it lies.
  private static func measured(
    _ ingest: consuming Ingest, _ fileName: String, _ format: String, _ file: WeightFile,
    _ hashed: (table: SegmentTable, checksums: [StorageChecksum]), in blobs: BlobStore,
    _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> StagedWeights {
    let staged = ingest.file
    try file.compareRecords(with: staged, fileName, progress)
    let bytes = try posix(try LocalBytes(staged))
    var storages = [StagedStorage?](repeating: nil, count: file.storages.count)
    var strided: [(storage: Int, reader: StridedReader)] = []
    var next = 0
    for (index, source) in file.storages.enumerated() {
      switch source {
      case .range(let offset, let byteCount):
        let checksum = hashed.checksums[next]
        next += 1
        try file.compare(checksum, with: index, fileName)
        if byteCount > 0 {
          storages[index] = StagedStorage(
            bytes: bytes, range: offset..<offset + byteCount, checksum: checksum, isInFile: true)
        }
      case .strided(let source):
        let reader = try parsing(fileName, try StridedReader(source))
        if reader.byteCount > 0 { strided.append((index, reader)) }
      }
    }
    let gathered = try gather(strided, of: file.stateDict, in: staged, blobs, progress)
    switch gathered {
    case nil: break
    case .some(let pack):
      let bytes = try posix(try LocalBytes(pack.ingest.file))
      for (member, (index, _)) in strided.enumerated() {
        storages[index] = StagedStorage(
          bytes: bytes, range: pack.ranges[member], checksum: pack.checksums[member], isInFile: false)
      }
    }
    return StagedWeights(
      ingest: ingest, fileName: fileName, format: format, file: file, segments: hashed.table, storages: storages,
      gathered: gathered, partialDigests: try file.partialDigests(in: staged, progress), progress: progress)
  }

  /// Makes a pack of strided storages; nil if there are none.
  private static func gather(
    _ strided: [(storage: Int, reader: StridedReader)], of stateDict: StateDict, in staged: OpenedFile,
    _ blobs: BlobStore, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> StagedPack? {
    guard !strided.isEmpty else { return nil }
    let owners = stateDict.owners
    var pack = PackAssembly()
    for (index, reader) in strided { pack.add(owners[index] ?? .literals, .strided(reader, of: staged), digest: nil) }
    return try pack.write(in: blobs, progress: progress)
  }

  /// Checks that what is staged would be parsed as `source` was.
  private static func requireSameBytes(
    _ source: RecordingSource<FileSource>, _ staged: OpenedFile, _ fileName: String
  ) throws(StoreError) {
    let now = try posix(try FileSource(staged))
    guard try parsing(fileName, try source.hasSameBytes(as: now)) else {
      throw StoreError(.unacceptable(.malformed), "\(fileName) changed while it was imported; try again")
    }
  }

  /// Reads what a file says of itself.
  static func parse(
    _ file: OpenedFile, _ fileName: String, as view: String?
  ) throws(StoreError) -> (format: String, file: WeightFile, source: RecordingSource<FileSource>) {
    let source = RecordingSource(try posix(try FileSource(file)))
    let format: any WeightFormat
    let parsed: WeightFile
    do throws(FormatError) {
      (format, parsed) = try WeightFormatCatalogue.parse(source)
    } catch {
      var refusal = StoreError(error, file: fileName)
      if hasStateDictAlone(source) {
        refusal.message += "; tantra import --state-dict-only takes its state dict without the rest"
      }
      throw refusal
    }
    try require(format, toBe: view, fileName)
    return (format.name, parsed, source)
  }

  /// Refuses a file whose format is not that of a view.
  static func require(_ format: any WeightFormat, toBe view: String?, _ fileName: String) throws(StoreError) {
    guard view == nil || format.fileExtensions.contains(where: { ImportRequest.view(forExtension: $0) == view }) else {
      throw StoreError(
        .unacceptable(.unsupported), "\(fileName): its content is \(format.name), which cannot be model.\(view ?? "")")
    }
  }

  /// Whether the state dict of a file can be had that is refused as a whole.
  private static func hasStateDictAlone(_ source: some ByteSource) -> Bool {
    do throws(FormatError) {
      return try !WeightFormatCatalogue.parseStateDict(source).file.programs.isEmpty
    } catch {
      return false
    }
  }
}

extension StateDict {
  /// A tensor of each storage, the first in the file: it names the storage in a pack.
  var owners: [Int: TensorDescriptor] {
    Dictionary(tensors.lazy.map { ($0.storage, $0) }, uniquingKeysWith: { first, _ in first })
  }
}

extension WeightFile {
  /// Where the storages are that lie in the file as they are, in order.
  var ranges: [Range<Int>] {
    storages.compactMap { storage in
      if case .range(let offset, let byteCount) = storage { offset..<offset + byteCount } else { nil }
    }
  }

  /// SHA-256 of the tensors that fill only a part of their storage, by index.
  func partialDigests(
    in file: OpenedFile, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> [Int: Digest] {
    var digests: [Int: Digest] = [:]
    var tensors: [Int] = []
    var ranges: [Range<Int>] = []
    for (index, tensor) in stateDict.tensors.enumerated()
    where tensor.byteCount != stateDict.storageSizes[tensor.storage] {
      if tensor.byteCount == 0 {
        digests[index] = Table.emptyDigest
      } else if case .range(let offset, _) = storages[tensor.storage] {
        tensors.append(index)
        ranges.append(offset + tensor.byteOffset..<offset + tensor.byteOffset + tensor.byteCount)
      }
    }
    let checksums = try posix(try RangeScanner(file, progress: progress).checksums(of: ranges))
    for (index, checksum) in zip(tensors, checksums) { digests[index] = checksum.digest }
    return digests
  }

  /// Compares what the file states of a storage with what it is.
  ///
  /// - Throws: `unacceptable`, naming a tensor whose bytes are damaged.
  func compare(
    _ checksum: StorageChecksum, with storage: Int, _ fileName: String
  ) throws(StoreError) {
    guard !expectedCRC32.isEmpty, let expected = expectedCRC32[storage], expected != checksum.crc32 else { return }
    let tensor = stateDict.tensors.first { $0.storage == storage }?.name ?? "?"
    throw StoreError(
      .unacceptable(.malformed),
      "\(fileName): tensor \"\(tensor)\" is damaged: expected CRC-32 \(expected), found \(checksum.crc32)")
  }

  /// Compares what the file states of the records that strided tensors are gathered from with what they are. Those that are
  /// storages as well are compared as such.
  ///
  /// - Throws: `unacceptable`, naming a tensor whose record is damaged.
  func compareRecords(
    with staged: OpenedFile, _ fileName: String, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) {
    let stored = Set(ranges.map(\.lowerBound))
    let records = recordChecksums.filter { !$0.range.isEmpty && !stored.contains($0.range.lowerBound) }
    guard !records.isEmpty else { return }
    let found = try posix(try RangeScanner(staged, progress: progress).cyclicChecksums(of: records.map(\.range)))
    for (record, checksum) in zip(records, found) where record.crc32 != checksum {
      let tensor = stateDict.tensors.first { tensor in
        if case .strided(let source) = storages[tensor.storage] { record.range.contains(source.offset) } else { false }
      }
      throw StoreError(
        .unacceptable(.malformed),
        "\(fileName): tensor \"\(tensor?.name ?? "?")\" is damaged: expected CRC-32 \(record.crc32) of the storage that it "
          + "is a part of, found \(checksum)")
    }
  }
}
