package import PosixIO
package import StoreRecords
package import Tensors

/// A place elsewhere that keeps blobs under their SHA-256, and manifests under tags: a folder, a registry, a web server.
///
/// Nothing that it says is trusted: whoever reads a blob or a manifest compares it with its digest. Safe from several threads.
package protocol RemoteStore: Sendable {
  /// What it is called in messages: the reference without tag.
  var name: String { get }

  /// The digest of the manifest that a tag points to; nil if there is no such tag.
  func digest(of tag: String, unless interruption: Interruption) throws(StoreError) -> Digest?

  /// The bytes of a manifest, at most ``ArtifactManifest/byteLimit``; not checked yet.
  func manifest(_ digest: Digest, unless interruption: Interruption) throws(StoreError) -> [UInt8]

  /// Whether a blob is there.
  func contains(_ blob: RemoteBlob, unless interruption: Interruption) throws(StoreError) -> Bool

  /// Reads `range`, which is not empty, a piece at a time: each has as many bytes as `buffer`, but for the last one; not checked yet.
  ///
  /// What breaks off before the first piece is complete is tried again. After that it is an error, and what was taken stands.
  ///
  /// - Parameter take: given the pieces in order, each until it returns. What it throws ends the reading.
  func read(
    _ blob: RemoteBlob, _ range: Range<Int>, through buffer: UnsafeMutableRawBufferPointer,
    unless interruption: Interruption, _ take: @escaping (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError)

  /// Writes a blob, which appears when it is complete and has its digest.
  ///
  /// - Parameter progress: told of the bytes sent since its last call, and of those that need not be; answers whether to go on.
  /// - Returns: bytes that were not sent, because a write that was cut off had sent them.
  /// - Throws: `damaged` if the content has another digest; `readOnly`.
  func write(
    _ blob: RemoteBlob, _ content: LayerContent, progress: @escaping @Sendable (_ bytes: Int) -> Bool
  ) throws(StoreError) -> Int

  /// Writes a manifest, of which every blob is there, and lets a tag point to it.
  func setTag(_ tag: String, to manifest: [UInt8], unless interruption: Interruption) throws(StoreError)

  /// All tags, in natural order.
  func tags(unless interruption: Interruption) throws(StoreError) -> [String]
}

/// A blob of a remote: its plain SHA-256, by which it is asked for, and its size.
package struct RemoteBlob: Sendable, Hashable {
  package var digest: Digest
  package var byteCount: Int

  package init(digest: Digest, byteCount: Int) {
    self.digest = digest
    self.byteCount = byteCount
  }
}

extension RemoteStore {
  /// Fills `buffer` with the bytes of `range`, which has as many, and is not empty; not checked yet.
  func read(
    _ blob: RemoteBlob, _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer,
    unless interruption: Interruption
  ) throws(StoreError) {
    try read(blob, range, through: buffer, unless: interruption) { _ in }
  }

  /// The manifest of a digest, checked.
  ///
  /// - Throws: `damaged` if the remote's bytes have another digest.
  func checkedManifest(_ digest: Digest, unless interruption: Interruption) throws(StoreError) -> [UInt8] {
    let bytes = try manifest(digest, unless: interruption)
    guard Digest(of: bytes) == digest else {
      throw StoreError(.damaged, "\(name): the manifest \(OCIDigest(digest)) came damaged; try again")
    }
    return bytes
  }

  /// All bytes of a small blob, checked.
  ///
  /// - Throws: `damaged` if it has more than `limit` bytes, or others than its digest says.
  func contents(
    of blob: RemoteBlob, limit: Int, unless interruption: Interruption
  ) throws(StoreError) -> [UInt8] {
    guard blob.byteCount <= limit else {
      throw StoreError(
        .damaged, "\(name): \(OCIDigest(blob.digest)) has \(blob.byteCount) bytes, and at most \(limit) were expected")
    }
    var bytes: [UInt8] = []
    if blob.byteCount > 0 {
      bytes = try [UInt8](upTo: blob.byteCount) { (buffer) throws(StoreError) in
        try read(blob, 0..<blob.byteCount, into: buffer, unless: interruption)
        return blob.byteCount
      }
    }
    guard Digest(of: bytes) == blob.digest else { throw damaged(blob) }
    return bytes
  }

  /// The error for a blob that has other bytes than its digest says.
  func damaged(_ blob: RemoteBlob) -> StoreError {
    StoreError(.damaged, "\(name): the blob \(OCIDigest(blob.digest)) came damaged")
  }
}
