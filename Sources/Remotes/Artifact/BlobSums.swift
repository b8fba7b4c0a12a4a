import BlobStore
import PosixIO
import StoreRecords
import Tensors

import struct Crypto.SHA256

/// What one pass over a blob yields for a remote: its plain SHA-256, by which remotes know it, and that of each chunk, by which a
/// part of it can be checked.
struct BlobSums: Sendable, Hashable {
  /// Bytes of a chunk; the last one may have fewer.
  static let chunkByteCount = 1 << 20

  var byteCount: Int
  var digest: Digest
  /// Of each chunk, from the first byte on.
  var chunks: [Digest]

  var blob: RemoteBlob { RemoteBlob(digest: digest, byteCount: byteCount) }

  /// The digests of the chunks one after another: what a layer of them holds.
  var chunkList: [UInt8] {
    var bytes: [UInt8] = []
    for chunk in chunks { chunk.append(to: &bytes) }
    return bytes
  }

  /// The chunks that a range, which is not empty, has bytes of.
  static func chunks(of range: Range<Int>) -> Range<Int> {
    range.lowerBound / chunkByteCount..<(range.upperBound - 1) / chunkByteCount + 1
  }

  /// How many bytes the list of chunks of a blob has.
  static func chunkListByteCount(of byteCount: Int) -> Int {
    // Sizes of blobs are those of files: this does not overflow.
    ((byteCount - 1) / chunkByteCount + 1) * 32
  }

  /// The digests in a list of a blob's chunks; nil if it is not that long.
  static func chunks(in list: [UInt8], of byteCount: Int) -> [Digest]? {
    guard byteCount > 0, list.count == chunkListByteCount(of: byteCount) else { return nil }
    return stride(from: 0, to: list.count, by: 32).compactMap { Digest(bytes: list[$0..<$0 + 32]) }
  }

  /// Reads a blob and compares it with what it should be.
  ///
  /// - Parameters:
  ///   - expected: how it was hashed; nil for a blob of one segment, whose id tells that.
  ///   - progress: told of the bytes read since its last call; answers whether to go on.
  /// - Throws: `damaged`, with the damaged range.
  init(
    of blob: Blob, expecting expected: SegmentTable?, progress: (_ bytes: Int) -> Bool
  ) throws(StoreError) {
    var (whole, chunks) = (SHA256(), [Digest]())
    var segments = SegmentComparison(expected?.segments ?? [])
    if let expected, expected.byteCount != blob.byteCount {
      throw StoreError(.damaged, "\(blob.name) has \(blob.byteCount) bytes, and not \(expected.byteCount)")
    }
    try LayerContent.stored(blob).forEachChunk(of: Self.chunkByteCount) { (_, bytes) throws(StoreError) in
      whole.update(bufferPointer: bytes)
      chunks.append(Digest(hashing: bytes))
      if let damaged = segments.firstDamaged(in: bytes) {
        throw StoreError(.damaged, "\(blob.name): bytes \(damaged.lowerBound)..<\(damaged.upperBound) are damaged")
      }
      guard progress(bytes.count) else { throw StoreError(.interrupted, "stopped") }
    }
    byteCount = blob.byteCount
    digest = Digest(whole.finalize())
    self.chunks = chunks
    let table = expected ?? SegmentTable(whole: byteCount, digest)
    guard table.blob == blob.id else { throw StoreError(.damaged, "\(blob.name) is damaged") }
  }

  private init(byteCount: Int, digest: Digest, chunks: [Digest]) {
    (self.byteCount, self.digest, self.chunks) = (byteCount, digest, chunks)
  }

  // MARK: On disk

  private static let magic = Array("tantra-blob-sums-1\n".utf8)

  /// As a file: what it is, the size, the plain digest, the chunks, and the digest of all that.
  var encoded: [UInt8] {
    var bytes = Self.magic
    withUnsafeBytes(of: UInt64(byteCount).littleEndian) { bytes += $0 }
    digest.append(to: &bytes)
    bytes += chunkList
    return bytes + Digest(of: bytes).bytes
  }

  /// Reads what ``encoded`` is; nil for anything else.
  init?(encoded bytes: [UInt8]) {
    let head = Self.magic.count
    guard bytes.count >= head + 8 + 64, bytes.starts(with: Self.magic) else { return nil }
    guard Digest(of: bytes.dropLast(32)) == Digest(bytes: bytes.suffix(32)) else { return nil }
    let size = bytes[head..<head + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let list = Array(bytes[(head + 40)...].dropLast(32))
    guard let byteCount = Int(exactly: size), let digest = Digest(bytes: bytes[head + 8..<head + 40]) else {
      return nil
    }
    if byteCount == 0 {
      guard list.isEmpty else { return nil }
      self.init(byteCount: 0, digest: digest, chunks: [])
      return
    }
    guard let chunks = Self.chunks(in: list, of: byteCount) else { return nil }
    self.init(byteCount: byteCount, digest: digest, chunks: chunks)
  }
}

extension RemoteBlob {
  /// Where chunks lie in the blob.
  func bytes(of chunks: Range<Int>) -> Range<Int> {
    chunks.lowerBound * BlobSums.chunkByteCount..<min(byteCount, chunks.upperBound * BlobSums.chunkByteCount)
  }
}

/// Compares the segments of a blob, which is read in order, with their digests.
private struct SegmentComparison {
  private let segments: [SegmentTable.Segment]
  private var index = 0
  private var position = 0
  private var hasher = SHA256()

  init(_ segments: [SegmentTable.Segment]) { self.segments = segments }

  /// Folds the next bytes in: the range of the first segment that ends in them and is damaged; nil for none.
  mutating func firstDamaged(in bytes: UnsafeRawBufferPointer) -> Range<Int>? {
    var rest = bytes
    while index < segments.count, !rest.isEmpty {
      let segment = segments[index]
      let count = min(rest.count, segment.range.upperBound - position)
      hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: rest[..<count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      position += count
      guard position == segment.range.upperBound else { continue }
      if Digest(hasher.finalize()) != segment.digest { return segment.range }
      hasher = SHA256()
      index += 1
    }
    return nil
  }
}
