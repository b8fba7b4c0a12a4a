import BlobStore
import StoreRecords
import Tensors

/// The bytes of one storage of a file that is being imported.
struct StagedStorage: Sendable {
  /// The staged file, or the file of gathered storages.
  var bytes: LocalBytes
  /// Never empty.
  var range: Range<Int>
  var checksum: StorageChecksum
  /// Whether it lies in the staged file as it is.
  var isInFile: Bool

  var key: StorageKey { StorageKey(digest: checksum.digest, byteCount: range.count) }
}
