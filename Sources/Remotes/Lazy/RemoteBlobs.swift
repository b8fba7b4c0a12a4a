import BlobStore
import Synchronization
import Tensors

/// The blobs of mounted versions that are on a remote.
final class RemoteBlobs: BlobSource {
  private let blobs = Mutex<[Digest: LazyBlob]>([:])

  func add(_ blob: LazyBlob, as id: Digest) { blobs.withLock { $0[id] = blob } }

  /// One whose bytes are those of a layer: two blobs may have the same bytes, cut in other ways. There is one file for both.
  func blob(ofLayer digest: Digest) -> LazyBlob? {
    blobs.withLock { $0.values.first { $0.content.blob.digest == digest } }
  }

  func contains(_ blob: Digest) -> Bool { blobs.withLock { $0[blob] != nil } }

  func bytes(of blob: Digest) -> (any StoredBytes)? { blobs.withLock { $0[blob] } }

  /// All of them, each once, in no order.
  var all: [LazyBlob] { blobs.withLock { $0.filter { $0.key == $0.value.content.id }.map(\.value) } }
}
