import Synchronization
import Tensors

/// What was found to be intact while many blobs are compressed: what one of them is a difference from is read as a whole once, before the
/// first.
///
/// A difference from damaged bytes would be wrong when these are mended.
package final class IntactBlobs: Sendable {
  private let found = Mutex<[Digest: Bool]>([:])

  package init() {}

  /// - Parameter segments: the blob's table; nil if it is one segment.
  func contains(
    _ blob: Digest, _ segments: SegmentTable?, in store: BlobStore, progress: @escaping RangeScanner.Progress
  ) throws(BlobStoreError) -> Bool {
    if let known = found.withLock({ $0[blob] }) { return known }
    let isIntact: Bool
    if let segments {
      isIntact = try store.isIntact(segments) { _ in progress(0) }
    } else {
      let bytes = try store.openKept(blob)
      let sum = try system(try RangeScanner(bytes) { _ in progress(0) }.checksums(of: [0..<bytes.byteCount]))
      isIntact = SegmentTable(whole: bytes.byteCount, sum[0].digest).blob == blob
    }
    found.withLock { $0[blob] = isIntact }
    return isIntact
  }
}
