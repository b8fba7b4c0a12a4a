import PosixIO
import Tensors

/// Reads a blob of one segment from its beginning to its end, a chunk at a time, so that a large one is never in memory as a
/// whole. What it read is checked at the end: until then it may be anything.
package struct CheckedReader: Sendable {
  /// Bytes of a chunk.
  private static let chunkByteCount = 1 << 18

  private let blob: Blob
  private var position = 0
  private var hasher = StorageHasher()

  /// - Throws: `damaged` if the blob has more than `limit` bytes.
  init(_ blob: Blob, limit: Int) throws(BlobStoreError) {
    guard blob.byteCount <= limit else {
      throw .damaged(blob.name, "it has \(blob.byteCount) bytes, and at most \(limit) were expected")
    }
    self.blob = blob
  }

  /// The next bytes; none at the end.
  package mutating func next() throws(BlobStoreError) -> [UInt8] {
    let range = position..<min(position + Self.chunkByteCount, blob.byteCount)
    if range.isEmpty { return [] }
    var chunk = [UInt8](repeating: 0, count: range.count)
    try chunk.withMutableBytes { (bytes) throws(BlobStoreError) in
      try blob.read(range, into: bytes)
      hasher.update(UnsafeRawBufferPointer(bytes))
    }
    position = range.upperBound
    return chunk
  }

  /// Reads what is left, and compares all bytes with the blob's id.
  ///
  /// - Throws: `damaged` if they are others.
  package mutating func finish() throws(BlobStoreError) {
    while try !next().isEmpty {}
    guard SegmentTable(whole: blob.byteCount, hasher.finalize().digest).blob == blob.id else {
      throw .damaged(blob.name, "its bytes have another digest")
    }
  }
}
