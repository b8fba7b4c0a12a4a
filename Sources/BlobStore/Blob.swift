package import PosixIO
package import Tensors

/// Immutable bytes of the store under their id. Whatever has them, a plain file or something that makes them from others, is known
/// to the store only.
package final class Blob: StoredBytes {
  package let id: Digest
  /// Where the bytes are.
  private let bytes: any StoredBytes

  init(id: Digest, _ bytes: any StoredBytes) {
    self.id = id
    self.bytes = bytes
  }

  /// What messages call a blob, whatever has its bytes.
  package static func name(of id: Digest) -> String { "blob \(id)" }

  package var name: String { Self.name(of: id) }
  package var byteCount: Int { bytes.byteCount }
  package var localFile: OpenedFile? { bytes.localFile }
  package func isAtHand(_ range: Range<Int>) -> Bool { bytes.isAtHand(range) }
  /// Whether the store has it on its own disk.
  package var isKept: Bool { bytes is LocalBytes || bytes is PackedBytes }
  /// Bytes of the compressed file that has it; nil if there is none.
  package var packedByteCount: Int? { (bytes as? PackedBytes)?.storedByteCount }
  /// The blobs that the compressed file is a difference from; none if it stands for itself, or is plain.
  package var bases: Set<Digest> { (bytes as? PackedBytes)?.index.bases ?? [] }

  package func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, unless interruption: Interruption = .never
  ) throws(BlobStoreError) {
    try bytes.read(range, into: buffer, unless: interruption)
  }
}
