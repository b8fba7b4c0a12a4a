import Crypto

/// What one pass over a storage's bytes yields: everything a layout needs to know of data it never reads again.
package struct StorageChecksum: Sendable, Hashable {
  package var digest: Digest
  package var crc32: UInt32
  /// Bytes 4..<8 (little-endian) of a storage of at least 8 bytes that begins with `PK\7\8`, else nil. torch's zip writer
  /// mistakes such a storage's beginning for a data descriptor when it computes a file's serialization id.
  package var descriptorWord: UInt32?

  package init(digest: Digest, crc32: UInt32, descriptorWord: UInt32? = nil) {
    self.digest = digest
    self.crc32 = crc32
    self.descriptorWord = descriptorWord
  }
}

/// Computes a ``StorageChecksum`` from chunks given in order.
package struct StorageHasher: Sendable {
  private var sha = SHA256()
  private var crc = CRC32()
  private var head: [UInt8] = []

  package init() {}

  /// Folds the next chunk in.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    sha.update(bufferPointer: bytes)
    crc.update(bytes)
    if head.count < 8 { head.append(contentsOf: bytes.prefix(8 - head.count)) }
  }

  /// The checksum of everything seen.
  package func finalize() -> StorageChecksum {
    var word: UInt32?
    if head.count == 8, head.starts(with: [0x50, 0x4B, 0x07, 0x08]) {
      word = head[4..<8].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    return StorageChecksum(digest: Digest(sha.finalize()), crc32: crc.value, descriptorWord: word)
  }
}
