import BlobStore
import Synchronization
import Tensors

/// The blobs of mounted versions that are on a remote.
final class RemoteBlobs: BlobSource {
  private let blobs = Mutex<[Digest: LazyBlob]>([:])

  func add(_ blob: LazyBlob) { blobs.withLock { $0[blob.content.id] = blob } }

  func contains(_ blob: Digest) -> Bool { blobs.withLock { $0[blob] != nil } }

  func bytes(of blob: Digest) -> (any StoredBytes)? { blobs.withLock { $0[blob] } }

  /// All of them, in no order.
  var all: [LazyBlob] { blobs.withLock { Array($0.values) } }
}
