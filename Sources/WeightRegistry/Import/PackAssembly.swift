import BlobStore
import PosixIO
import StoreRecords
import Tensors
import WeightFormats

/// A pack in the making that is not a file somebody wrote: a safetensors file of storages from several files.
struct PackAssembly {
  /// A tensor of the new pack.
  struct Member {
    /// Name, dtype and shape in the pack, for people and other programs; the store goes by digests.
    var tensor: TensorDescriptor
    var bytes: Bytes
    /// What the bytes must be; nil if nobody has hashed them yet.
    var digest: Digest?
  }

  /// Where the bytes of a member come from.
  enum Bytes {
    /// Stretches of something that is stored, one after another.
    case stored(any StoredBytes, [Range<Int>])
    /// A strided tensor of a file, which is made contiguous.
    case strided(StridedReader, of: OpenedFile)

    var byteCount: Int {
      switch self {
      case .stored(_, let ranges): ranges.reduce(0) { $0 + $1.count }
      case .strided(let reader, _): reader.byteCount
      }
    }

    /// What they come from, for messages.
    var source: String {
      switch self {
      case .stored(let source, _): source.name
      case .strided(_, let file): file.path
      }
    }
  }

  private(set) var members: [Member] = []
  private var names: Set<ByteString> = []

  /// Adds the bytes of a storage as the tensor that fills it, or as plain bytes.
  ///
  /// - Parameter tensor: one that lies in the storage; gives its name.
  /// - Returns: the member's index.
  @discardableResult
  mutating func add(_ tensor: TensorDescriptor, _ bytes: Bytes, digest: Digest?) -> Int {
    let byteCount = bytes.byteCount
    var tensor = tensor
    if tensor.byteCount != byteCount || !SafetensorsFormat.holds(tensor) {
      (tensor.dtype, tensor.shape, tensor.byteCount) = (.uint8, [byteCount], byteCount)
    }
    while !names.insert(ByteString(tensor.name)).inserted || !SafetensorsFormat.holds(tensor) { tensor.name += "_" }
    members.append(Member(tensor: tensor, bytes: bytes, digest: digest))
    return members.count - 1
  }

  /// Writes the pack into the store, durably.
  ///
  /// - Throws: `damaged` if a member's bytes are not what its digest says.
  func store(
    in blobs: BlobStore, _ pins: BlobPins, progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(StoreError) -> StoredPack {
    try write(in: blobs, progress: progress).store(pins, progress: progress)
  }

  /// Writes the pack into the staging folder, and hashes it.
  ///
  /// - Parameter progress: is told of bytes that were copied and hashed, and of nothing now and then; false ends the work.
  /// - Throws: `damaged` if a member's bytes are not what its digest says.
  func write(
    in blobs: BlobStore, progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> StagedPack {
    let state = StateDict(
      independent: members.map { ($0.tensor.name, $0.tensor.dtype, $0.tensor.shape, $0.tensor.byteCount) })
    let none = StorageChecksum(digest: Table.emptyDigest, crc32: 0)
    let layout = try parsing(
      "a new pack",
      try SafetensorsFormat().layout(of: state, checksums: Array(repeating: none, count: members.count)))
    var ranges = [Range<Int>](repeating: 0..<0, count: members.count)
    var writer = PackWriter(try blobStore(try blobs.beginIngest()), progress)
    for segment in layout.segments {
      switch segment {
      case .literal(let bytes): try writer.append(Array(bytes))
      case .storage(let index, _, let byteCount):
        ranges[index] = writer.byteCount..<writer.byteCount + byteCount
        try writer.append(members[index].bytes)
      }
    }
    let ingest = try writer.finish()
    let hashed: (table: SegmentTable, checksums: [StorageChecksum])
    do throws(BlobStoreError) {
      hashed = try ingest.hash(storages: ranges, progress: progress)
    } catch {
      throw StoreError(error)
    }
    for (member, checksum) in zip(members, hashed.checksums) {
      guard member.digest == nil || member.digest == checksum.digest else {
        throw StoreError(
          .damaged, "tensor \"\(member.tensor.name)\" changed while it was copied from \(member.bytes.source)")
      }
    }
    return StagedPack(ingest: ingest, table: hashed.table, ranges: ranges, checksums: hashed.checksums)
  }
}

/// Appends members to a pack in the making. Small ones are put together in memory: there may be a hundred thousand of them, and
/// each write costs as much as copying many.
private struct PackWriter: ~Copyable {
  private static let smallByteCount = 64 << 10
  private static let bufferByteCount = 1 << 20

  private var ingest: Ingest
  private var buffer: [UInt8] = []
  private let progress: RangeScanner.Progress

  init(_ ingest: consuming Ingest, _ progress: @escaping RangeScanner.Progress) {
    self.ingest = ingest
    self.progress = progress
  }

  /// Bytes appended so far.
  var byteCount: Int { ingest.byteCount + buffer.count }

  mutating func append(_ bytes: [UInt8]) throws(StoreError) {
    buffer += bytes
    try flush(above: Self.bufferByteCount)
  }

  mutating func append(_ bytes: PackAssembly.Bytes) throws(StoreError) {
    switch bytes {
    case .stored(let source, let ranges):
      for range in ranges { try append(range, of: source) }
    case .strided(let reader, let file):
      try flush()
      let (gather, progress) = (StridedGather(reader: reader, source: file), progress)
      try ingest.append(reader.byteCount) { (target, offset) throws(StoreError) in
        try posix(try gather.write(to: target, at: offset, progress: progress))
      }
    }
  }

  private mutating func append(_ range: Range<Int>, of source: any StoredBytes) throws(StoreError) {
    guard range.count <= Self.smallByteCount else {
      try flush()
      return try blobStore(try ingest.append(range, of: source, progress: progress))
    }
    let start = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: range.count))
    do throws(BlobStoreError) {
      try buffer.withMutableBytes { (bytes) throws(BlobStoreError) in
        try source.read(
          range, into: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]), unless: .never)
      }
    } catch {
      throw StoreError(error)
    }
    guard progress(range.count) else { throw StoreError(.interrupted, "stopped") }
    try flush(above: Self.bufferByteCount)
  }

  /// Writes what is in memory, if it is more than so many bytes.
  private mutating func flush(above limit: Int = 0) throws(StoreError) {
    guard buffer.count > limit else { return }
    try blobStore(try ingest.append(buffer))
    buffer.removeAll(keepingCapacity: true)
  }

  /// The pack, with all that was appended.
  consuming func finish() throws(StoreError) -> Ingest {
    try flush()
    return ingest
  }
}

/// A pack that is written and hashed, and not yet a blob.
struct StagedPack: ~Copyable {
  let ingest: Ingest
  let table: SegmentTable
  /// Where each member lies, in the order in which they were added.
  let ranges: [Range<Int>]
  /// Parallel to `ranges`.
  let checksums: [StorageChecksum]

  /// Makes it a blob, durably.
  consuming func store(
    _ pins: BlobPins, progress: @escaping RangeScanner.Progress
  ) throws(StoreError) -> StoredPack {
    let (table, ranges) = (table, ranges)
    let blob: Digest
    do throws(BlobStoreError) {
      try ingest.forceToDisk(progress)
      blob = try ingest.commit(table, pins, progress: progress)
    } catch {
      throw StoreError(error)
    }
    let segments = try ranges.map { (range) throws(StoreError) in
      guard let segment = table.index(ofOffset: range.lowerBound) else {
        throw StoreError(.damaged, "a new pack has nothing at byte \(range.lowerBound)")
      }
      return segment
    }
    return StoredPack(pack: Table.Pack(blob: blob, segments: table), segments: segments)
  }
}

/// A pack in the store.
struct StoredPack {
  let pack: Table.Pack
  /// Index of each member's segment, in the order in which they were added.
  let segments: [Int]
}
