import BlobStore
import PosixIO
import Tensors
import WeightFormats

/// Copies a parsed weight file into the store, as packs and a table.
struct TableBuilder {
  let source: OpenedFile
  let file: WeightFile
  let fileName: String
  let blobs: BlobStore

  /// Copies and hashes the file in one pass, publishes it as a pack, and with it a second pack for tensors that were not
  /// contiguous.
  func build(progress: @escaping RangeScanner.Progress) throws(RegistryError) -> (table: Table, pack: Digest) {
    let ingest = try blobStore(try blobs.beginIngest())
    let state = file.stateDict
    let partial = partialRanges()
    var storages = [Table.Storage?](repeating: nil, count: file.storages.count)
    var ranges: [(storage: Int, range: Range<Int>)] = []
    var strided: [(storage: Int, source: WeightFile.StridedSource)] = []
    for (index, source) in file.storages.enumerated() {
      switch source {
      case .range(let offset, let byteCount): ranges.append((index, offset..<offset + byteCount))
      case .strided(let source): strided.append((index, source))
      }
    }

    let stagedFile = ingest.file
    let hashed: (table: SegmentTable, checksums: [StorageChecksum])
    do throws(BlobStoreError) {
      hashed = try ingest.copyAndHash(source, storages: ranges.map(\.range), progress: progress)
    } catch {
      throw RegistryError(error)
    }
    try requireUnchanged(stagedFile)
    try checkExpected(ranges.map(\.storage), hashed.checksums)
    try checkRecords(of: stagedFile, progress: progress)
    let partialChecksums = try posix(
      try RangeScanner(stagedFile, progress: progress).checksums(of: partial.map(\.range)))
    var partialDigests = Dictionary(
      zip(partial.map(\.tensor), partialChecksums.map(\.digest)), uniquingKeysWith: { a, _ in a })

    var packs: [Table.Pack] = []
    place(ranges, hashed, pack: 0, in: &storages)
    if !strided.isEmpty {
      let gathered = try StridedGather(file: file, fileName: fileName, blobs: blobs).pack(
        strided.map(\.storage), of: stagedFile)
      place(
        zip(strided.map(\.storage), gathered.ranges).map { ($0, $1) }, (gathered.segments, gathered.checksums), pack: 1,
        in: &storages)
      packs.append(Table.Pack(blob: gathered.segments.blob, segments: gathered.segments))
    }
    for (index, tensor) in state.tensors.enumerated() where tensor.byteCount == 0 && partialDigests[index] == nil {
      if state.storageSizes[tensor.storage] != 0 { partialDigests[index] = Table.emptyDigest }
    }
    let pack: Digest
    do throws(BlobStoreError) { pack = try ingest.commit(hashed.table) } catch { throw RegistryError(error) }
    packs.insert(Table.Pack(blob: pack, segments: hashed.table), at: 0)
    let table = Table(
      stateDict: state, packs: packs,
      storages: storages.map { $0 ?? Table.Storage(pack: nil, segment: nil, crc32: 0, descriptorWord: nil) },
      partialDigests: partialDigests)
    try table.checkConsistency()
    return (table, pack)
  }

  /// Parses the copy too: somebody may have written to the source after it was parsed.
  private func requireUnchanged(_ staged: OpenedFile) throws(RegistryError) {
    let source = try posix(try FileSource(staged))
    guard try parsing(fileName, try WeightFormatCatalogue.parse(source)).file == file else {
      throw RegistryError(.unacceptable(.malformed), "\(fileName) changed while it was imported; try again")
    }
  }

  /// Where in the file those tensors lie that fill only a part of their storage.
  private func partialRanges() -> [(tensor: Int, range: Range<Int>)] {
    file.stateDict.tensors.enumerated().compactMap { index, tensor in
      guard tensor.byteCount > 0, tensor.byteCount != file.stateDict.storageSizes[tensor.storage],
        case .range(let offset, _) = file.storages[tensor.storage]
      else { return nil }
      let start = offset + tensor.byteOffset
      return (index, start..<start + tensor.byteCount)
    }
  }

  /// Enters the segments that storages are in.
  private func place(
    _ ranges: [(storage: Int, range: Range<Int>)], _ hashed: (table: SegmentTable, checksums: [StorageChecksum]),
    pack: Int, in storages: inout [Table.Storage?]
  ) {
    let segmentAt = Dictionary(
      hashed.table.segments.enumerated().map { ($1.offset, $0) }, uniquingKeysWith: { a, _ in a })
    for ((storage, range), checksum) in zip(ranges, hashed.checksums) where !range.isEmpty {
      storages[storage] = Table.Storage(
        pack: pack, segment: segmentAt[range.lowerBound], crc32: checksum.crc32,
        descriptorWord: checksum.descriptorWord)
    }
  }

  /// Compares what the file states of the records that strided tensors are gathered from with what they are. Those that are
  /// storages as well were compared already.
  ///
  /// - Throws: `unacceptable`, naming a tensor whose record is damaged.
  private func checkRecords(
    of stagedFile: OpenedFile, progress: @escaping RangeScanner.Progress
  ) throws(RegistryError) {
    let stored = Set(file.storages.compactMap { if case .range(let offset, _) = $0 { offset } else { nil } })
    let records = file.recordChecksums.filter { !$0.range.isEmpty && !stored.contains($0.range.lowerBound) }
    guard !records.isEmpty else { return }
    let checksums = try posix(try RangeScanner(stagedFile, progress: progress).checksums(of: records.map(\.range)))
    for (record, checksum) in zip(records, checksums) where record.crc32 != checksum.crc32 {
      let tensor = file.stateDict.tensors.first { tensor in
        if case .strided(let source) = file.storages[tensor.storage] {
          record.range.contains(source.offset)
        } else {
          false
        }
      }
      throw RegistryError(
        .unacceptable(.malformed),
        "\(fileName): tensor \"\(tensor?.name ?? "?")\" is damaged: expected CRC-32 \(record.crc32) of the storage that it "
          + "is a part of, found \(checksum.crc32)")
    }
  }

  /// Compares what the file states of its storages with what they are.
  ///
  /// - Throws: `unacceptable`, naming a tensor whose bytes are damaged.
  private func checkExpected(_ storages: [Int], _ checksums: [StorageChecksum]) throws(RegistryError) {
    guard !file.expectedCRC32.isEmpty else { return }
    for (storage, checksum) in zip(storages, checksums) {
      guard let expected = file.expectedCRC32[storage], expected != checksum.crc32 else { continue }
      let tensor = file.stateDict.tensors.first { $0.storage == storage }?.name ?? "?"
      throw RegistryError(
        .unacceptable(.malformed),
        "\(fileName): tensor \"\(tensor)\" is damaged: expected CRC-32 \(expected), found \(checksum.crc32)")
    }
  }
}
