package import BlobStore
import PosixIO
package import StoreRecords
import Tensors
package import WeightRegistry

import struct Crypto.SHA256

/// The bytes of a layer that is to be sent, and can be read more than once.
package enum LayerContent: Sendable {
  case bytes([UInt8])
  case stored(any StoredBytes)
  /// A file that is put together from parts of several blobs.
  case view(VersionView)

  package var byteCount: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .stored(let bytes): bytes.byteCount
    case .view(let view): view.byteCount
    }
  }

  /// Fills `buffer` with the bytes from `offset`.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) {
    switch self {
    case .bytes(let bytes):
      bytes.withBytes { source in
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + buffer.count]))
      }
    case .stored(let bytes):
      try blobStore(try bytes.read(offset..<offset + buffer.count, into: buffer, unless: .never))
    case .view(let view):
      let found = try blobStore(try view.read(offset, buffer))
      guard found == buffer.count else {
        throw StoreError(.damaged, "a file of the version is shorter than it should be")
      }
    }
  }

  /// Plain SHA-256 of all bytes.
  func digest() throws(StoreError) -> Digest {
    var hasher = SHA256()
    try forEachChunk { (_, chunk) throws(StoreError) in hasher.update(bufferPointer: chunk) }
    return Digest(hasher.finalize())
  }

  /// Calls `body` with all bytes, in order, a chunk at a time.
  ///
  /// - Parameter chunkByteCount: of each chunk but the last.
  func forEachChunk(
    of chunkByteCount: Int = 1 << 20,
    _ body: (_ offset: Int, _ chunk: UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    var buffer = [UInt8](repeating: 0, count: min(chunkByteCount, byteCount))
    var offset = 0
    while offset < byteCount {
      let count = min(chunkByteCount, byteCount - offset)
      try buffer.withMutableBytes { (bytes) throws(StoreError) in
        let chunk = UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
        try read(at: offset, into: chunk)
        try body(offset, UnsafeRawBufferPointer(chunk))
      }
      offset += count
    }
  }
}

extension Digest {
  /// Digest of bytes in a buffer.
  init(hashing bytes: UnsafeRawBufferPointer) {
    var hasher = SHA256()
    hasher.update(bufferPointer: bytes)
    self.init(hasher.finalize())
  }
}
