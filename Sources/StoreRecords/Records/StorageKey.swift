package import Tensors

/// What makes two storages the same bytes.
package struct StorageKey: Hashable, Sendable {
  package var digest: Digest
  package var byteCount: Int

  package init(digest: Digest, byteCount: Int) {
    self.digest = digest
    self.byteCount = byteCount
  }
}
