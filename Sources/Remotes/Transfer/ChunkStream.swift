import PosixIO
import StoreRecords
import Tensors

/// Reads chunks of a blob that follow each other by one request, and compares each with its digest as soon as it has come. So a
/// request may be as long as it likes, for a chunk's worth of memory.
struct ChunkStream {
  /// A chunk that has come, and is what it should be.
  struct Chunk {
    var index: Int
    /// Valid until whoever gets it returns.
    var bytes: UnsafeRawBufferPointer
    /// Whether a request begins with it.
    var isFirst: Bool
  }

  /// How often a chunk that came damaged is asked for.
  private static let attempts = 3

  let remote: any RemoteStore
  let blob: RemoteBlob
  /// The digests of all chunks of the blob.
  let digests: [Digest]
  let interruption: Interruption

  /// Reads chunks, which are not none. What breaks off in the middle goes on behind what has come.
  ///
  /// - Parameter keep: given each chunk in order. What it throws ends the reading.
  /// - Throws: `damaged` if a chunk came damaged three times.
  func read(
    _ chunks: Range<Int>, _ keep: @escaping (Chunk) throws(StoreError) -> Void
  ) throws(StoreError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: BlobSums.chunkByteCount, alignment: 64)
    defer { buffer.deallocate() }
    var next = chunks.lowerBound
    var failureCount = 0
    while next < chunks.upperBound {
      let begin = next
      do throws(StoreError) {
        try remote.read(blob, blob.bytes(of: begin..<chunks.upperBound), through: buffer, unless: interruption) {
          (piece) throws(StoreError) in
          guard Digest(hashing: piece) == digests[next] else { throw damaged(next) }
          try keep(Chunk(index: next, bytes: piece, isFirst: next == begin))
          next += 1
        }
      } catch {
        if case .interrupted = error.code { throw error }
        if next > begin { failureCount = 0 }
        failureCount += 1
        if case .damaged = error.code, failureCount < Self.attempts { continue }
        if next == begin { throw error }
      }
    }
  }

  private func damaged(_ chunk: Int) -> StoreError {
    StoreError(
      .damaged,
      "\(remote.name) sends other bytes than it should: chunk \(chunk) of \(OCIDigest(blob.digest)) came damaged "
        + "\(Self.attempts) times")
  }
}
