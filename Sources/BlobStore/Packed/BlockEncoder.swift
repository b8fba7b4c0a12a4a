import CPlanes

/// Codes blocks, on one thread at a time.
final class BlockEncoder {
  /// Bytes of a block; the last one of a blob may have fewer.
  static let blockByteCount = 128 << 10
  /// Bytes that a coded block has at most.
  static let codedByteLimit = blockByteCount + 8 << 10
  /// The largest transform there is.
  static let knownTransforms = Int(TANTRA_PLANES_KNOWN)
  /// The bit of a transform that makes a block a difference from another.
  static let difference = Int(TANTRA_PLANES_DELTA)

  private let encoder: OpaquePointer

  /// nil if there is not enough memory.
  init?() {
    guard let encoder = tantra_encoder_make() else { return nil }
    self.encoder = encoder
  }

  deinit { tantra_encoder_free(encoder) }

  /// Codes a block into the beginning of `coded`, which has room for ``codedByteLimit`` bytes.
  ///
  /// - Returns: bytes of the coded block, and its transform; nil if zstd has failed.
  func encode(
    _ block: UnsafeRawBufferPointer, base: UnsafeRawBufferPointer? = nil, into coded: UnsafeMutableRawBufferPointer
  ) -> (byteCount: Int, transform: UInt8)? {
    precondition(coded.count >= Self.codedByteLimit && base.map { $0.count == block.count } ?? true)
    var transform: UInt8 = 0
    let size = tantra_encode_block(
      encoder, block.baseAddress, base?.baseAddress, block.count, coded.baseAddress, &transform)
    return size == 0 ? nil : (size, transform)
  }
}
