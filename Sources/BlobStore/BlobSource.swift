package import Tensors

/// Has blobs that the store itself does not have, such as those of a remote that are not here yet.
package protocol BlobSource: Sendable {
  /// Whether it has a blob.
  func contains(_ blob: Digest) throws(BlobStoreError) -> Bool

  /// The bytes of a blob; nil if it does not have it. Their name is ``Blob/name(of:)``. What they give is what the id says: whoever
  /// reads them does not check it.
  func bytes(of blob: Digest) throws(BlobStoreError) -> (any StoredBytes)?
}
