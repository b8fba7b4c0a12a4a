import BlobStore
import StoreRecords
import Tensors
import WeightFormats

/// A pack in the making that is not a file somebody wrote: a safetensors file of storages from several files.
struct PackAssembly {
  /// A tensor of the new pack.
  struct Member {
    /// Name, dtype and shape in the pack, for people and other programs; the store goes by digests.
    var tensor: TensorDescriptor
    /// Where its bytes come from.
    var source: any StoredBytes
    /// Stretches of the source, one after another.
    var ranges: [Range<Int>]
    /// What the bytes must be; nil if nobody has hashed them yet.
    var digest: Digest?
  }

  private(set) var members: [Member] = []
  private var names: Set<ByteString> = []

  /// Adds the bytes of a storage as the tensor that fills it, or as plain bytes.
  ///
  /// - Parameter tensor: one that lies in the storage; gives its name.
  /// - Returns: the member's index.
  @discardableResult
  mutating func add(
    _ tensor: TensorDescriptor, from source: any StoredBytes, ranges: [Range<Int>], digest: Digest?
  ) -> Int {
    let byteCount = ranges.reduce(0) { $0 + $1.count }
    var tensor = tensor
    if tensor.byteCount != byteCount || !SafetensorsFormat.holds(tensor) {
      (tensor.dtype, tensor.shape, tensor.byteCount) = (.uint8, [byteCount], byteCount)
    }
    while !names.insert(ByteString(tensor.name)).inserted || !SafetensorsFormat.holds(tensor) { tensor.name += "_" }
    members.append(Member(tensor: tensor, source: source, ranges: ranges, digest: digest))
    return members.count - 1
  }

  /// Writes the pack into the store, durably.
  ///
  /// - Returns: the pack, and the index of each member's segment.
  /// - Throws: `damaged` if a member's bytes are not what its digest says.
  func store(
    in blobs: BlobStore, _ pins: BlobPins, progress: @escaping RangeScanner.Progress = { _ in true }
  ) throws(StoreError) -> (pack: Table.Pack, segments: [Int]) {
    let state = StateDict(
      independent: members.map { ($0.tensor.name, $0.tensor.dtype, $0.tensor.shape, $0.tensor.byteCount) })
    let none = StorageChecksum(digest: Table.emptyDigest, crc32: 0)
    let layout = try parsing(
      "a new pack",
      try SafetensorsFormat().layout(of: state, checksums: Array(repeating: none, count: members.count)))
    var ranges = [Range<Int>](repeating: 0..<0, count: members.count)
    var ingest = try blobStore(try blobs.beginIngest())
    let table: SegmentTable
    do throws(BlobStoreError) {
      for segment in layout.segments {
        switch segment {
        case .literal(let bytes): try ingest.append(Array(bytes))
        case .storage(let index, _, let byteCount):
          ranges[index] = ingest.byteCount..<ingest.byteCount + byteCount
          for range in members[index].ranges {
            try ingest.append(range, of: members[index].source, progress: progress)
          }
        }
      }
      table = try ingest.hash(storages: ranges, progress: progress).table
    } catch {
      throw StoreError(error)
    }
    var segments: [Int] = []
    for (member, range) in zip(members, ranges) {
      guard let index = table.index(ofOffset: range.lowerBound),
        member.digest == nil || member.digest == table.segments[index].digest
      else {
        throw StoreError(
          .damaged, "tensor \"\(member.tensor.name)\" changed while it was copied from \(member.source.name)")
      }
      segments.append(index)
    }
    let blob: Digest
    do throws(BlobStoreError) {
      try ingest.forceToDisk(progress)
      blob = try ingest.commit(table, pins, progress: progress)
    } catch {
      throw StoreError(error)
    }
    return (Table.Pack(blob: blob, segments: table), segments)
  }
}
