import BlobStore
import PosixIO
import StoreRecords
import Tensors
import WeightFormats

/// Decides how a weight file is kept, and stores what is new of it.
///
/// It becomes a pack as it is, unless at least an eighth of its bytes are stored already; then only new storages and the literal
/// bytes between storages are stored, as another pack, and the file is stitched when it is read.
struct WeightKeeping {
  let records: RecordStore
  /// What keeps the blobs until a record names them.
  let pins: BlobPins

  private var blobs: BlobStore { records.store.blobs }

  /// Stores what is new of a staged file, durably, and its table.
  ///
  /// - Parameter path: where the file will be in its version.
  func keep(_ staged: consuming StagedWeights, at path: String, modified: Int64) throws(StoreError) -> Arrival {
    let (file, segments, storages) = (staged.file, staged.segments, staged.storages)
    let (format, partialDigests) = (staged.format, staged.partialDigests)
    let progress = staged.progress
    let witness = staged.ingest.witness
    let id = segments.blob
    pins.pin([id])
    let isThere = try blobStore(try blobs.contains(id))
    let stored = StoredStorages(records: records, pins: pins)
    if !isThere, let (same, table) = try stored.stitched(id, progress) {
      try posix(try witness?.freeze())
      var original = same
      (original.path, original.modified) = (path, modified)
      return try Arrival(original, table)
    }
    // A file that is there is read by the commit, and damage of it is mended.
    let known = isThere ? StoredPlaces() : try stored.find(storages.compactMap { $0?.key }, progress)
    let savedBytes = storages.lazy.compactMap(\.self).filter { $0.isInFile && known.contains($0.key) }
      .reduce(0) { $0 + $1.range.count }
    let isWhole = isThere || Self.becomesPack(segments, having: savedBytes)

    var assembly = TableAssembly(storageCount: storages.count)
    if isWhole {
      let blob: Digest
      do throws(BlobStoreError) {
        if !isThere { try staged.ingest.forceToDisk(progress) }
        blob = try staged.ingest.commit(segments, pins, progress: progress)
      } catch {
        throw StoreError(error)
      }
      let pack = Table.Pack(blob: blob, segments: segments)
      _ = assembly.index(of: pack)
      for (index, storage) in storages.enumerated() {
        guard let storage, storage.isInFile, let segment = segments.index(ofOffset: storage.range.lowerBound) else {
          continue
        }
        assembly.enter(index, storage.checksum, in: pack, segment: segment)
      }
    }
    let stitch = try placeRest(
      of: file, storages, gathered: staged.gathered, known: known, literals: isWhole ? nil : segments.byteCount,
      in: &assembly, progress)
    let table = try assembly.table(of: file.stateDict, partialDigests: partialDigests, stitch: stitch)
    // What was stored of it in another pack must be what was hashed.
    if !isWhole { try posix(try witness?.freeze()) }
    return try Arrival(
      WeightRecord(
        path: path, format: format, blob: id, byteCount: segments.byteCount, modified: modified,
        table: try store(table), packs: table.packs.map(\.blob), isPlain: file.isPlain, extras: file.extras,
        counts: WeightRecord.Counts(of: file.stateDict)), table)
  }

  /// Stores a file that is kept unread, durably.
  ///
  /// - Parameter source: what an empty ingest becomes a copy of; nil for one that has its bytes.
  func keepUnread(
    _ ingest: consuming Ingest, copying source: OpenedFile? = nil, at path: String, as format: OpaqueFormat,
    modified: Int64, _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> Arrival {
    let bytes = try source.map { (source) throws(StoreError) in try posix(try LocalBytes(source)) }
    let segments: SegmentTable
    do throws(BlobStoreError) {
      if let bytes {
        segments = try ingest.copyAndHash(bytes, storages: [], progress: progress).table
      } else {
        segments = try ingest.hash(storages: [], progress: progress).table
      }
    } catch {
      throw StoreError(error)
    }
    let contents = try UnreadContents(of: try posix(try FileSource(ingest.file)), as: format, path)
    do throws(BlobStoreError) {
      try ingest.forceToDisk(progress)
      _ = try ingest.commit(segments, pins, progress: progress)
    } catch {
      throw StoreError(error)
    }
    return try Arrival(
      WeightRecord(
        path: path, format: format.rawValue, blob: segments.blob, byteCount: segments.byteCount,
        modified: modified,
        table: nil, packs: [], isPlain: false, extras: contents.extras, counts: contents.counts),
      nil)
  }

  /// Stores a table.
  func store(_ table: Table) throws(StoreError) -> Digest {
    try table.store(in: blobs, pins).blob
  }

  /// Whether a file becomes a pack as it is, although some of its bytes are stored already.
  private static func becomesPack(_ segments: SegmentTable, having savedBytes: Int) -> Bool {
    savedBytes == 0 || savedBytes < (segments.byteCount + 7) / 8
  }

  /// Places the storages that have no place yet: those that are stored where they are, the others in a new pack.
  ///
  /// - Parameters:
  ///   - gathered: a pack of the storages that do not lie in the file as they are.
  ///   - literals: size of the file if it is to be stitched: then its literal bytes go into the new pack too.
  private func placeRest(
    of file: WeightFile, _ storages: [StagedStorage?], gathered: consuming StagedPack?,
    known: StoredPlaces, literals byteCount: Int?, in assembly: inout TableAssembly,
    _ progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> Table.Stitch? {
    let homeless = storages.indices.filter { assembly.storages[$0] == nil && storages[$0] != nil }
    if homeless.isEmpty, byteCount == nil { return nil }
    if byteCount == nil, let gathered {
      var keys: Set<StorageKey> = []
      let savedBytes = homeless.lazy.compactMap { storages[$0] }
        .filter { known.contains($0.key) || !keys.insert($0.key).inserted }.reduce(0) { $0 + $1.range.count }
      if Self.becomesPack(gathered.table, having: savedBytes) {
        let stored = try gathered.store(pins, progress: progress)
        for (member, index) in homeless.enumerated() {
          guard let checksum = storages[index]?.checksum else { continue }
          assembly.enter(index, checksum, in: stored.pack, segment: stored.segments[member])
        }
        return nil
      }
    }
    let owners = file.stateDict.owners
    var pack = PackAssembly()
    var members: [StorageKey: Int] = [:]
    for index in homeless {
      guard let storage = storages[index], let owner = owners[index], !known.contains(storage.key),
        members[storage.key] == nil
      else { continue }
      members[storage.key] = pack.add(
        owner, .stored(storage.bytes, [storage.range]), digest: storage.checksum.digest)
    }
    var literals: (member: Int, pieces: [Table.Stitch.Piece])?
    if let byteCount, let staged = storages.compactMap(\.self).first(where: \.isInFile)?.bytes {
      let (ranges, pieces) = Self.cut(byteCount, at: storages)
      literals = (pack.add(.literals, .stored(staged, ranges), digest: nil), pieces)
    }
    let stored = pack.members.isEmpty ? nil : try pack.store(in: blobs, pins, progress: progress)
    var stitch: Table.Stitch?
    if let stored, let literals {
      stitch = Table.Stitch(
        pack: assembly.index(of: stored.pack), segment: stored.segments[literals.member], pieces: literals.pieces)
    }
    for index in homeless {
      guard let storage = storages[index] else { continue }
      if let there = known[storage.key] {
        assembly.enter(index, storage.checksum, in: there.pack, segment: there.segment)
      } else if let stored, let member = members[storage.key] {
        assembly.enter(index, storage.checksum, in: stored.pack, segment: stored.segments[member])
      }
    }
    return stitch
  }

  /// Cuts a file into storages and the literal bytes between them.
  private static func cut(
    _ byteCount: Int, at storages: [StagedStorage?]
  ) -> (literals: [Range<Int>], pieces: [Table.Stitch.Piece]) {
    var literals: [Range<Int>] = []
    var pieces: [Table.Stitch.Piece] = []
    var position = 0
    let inFile = storages.enumerated().compactMap { index, storage in
      storage.flatMap { $0.isInFile ? (index: index, range: $0.range) : nil }
    }
    for (index, range) in inFile.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      literals.append(position..<range.lowerBound)
      pieces.append(.init(literalByteCount: range.lowerBound - position, storage: index))
      position = range.upperBound
    }
    if position < byteCount {
      literals.append(position..<byteCount)
      pieces.append(.init(literalByteCount: byteCount - position, storage: nil))
    }
    return (literals.filter { !$0.isEmpty }, pieces)
  }
}
