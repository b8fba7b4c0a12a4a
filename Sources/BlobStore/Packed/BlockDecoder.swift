import CPlanes
import Synchronization

/// Decodes blocks, on one thread at a time.
///
/// Each has half a megabyte. Those that nobody uses wait for the next reader, a few of them.
final class BlockDecoder: @unchecked Sendable {
  // What is behind the pointer is used by the one thread that has taken the decoder from the pool, as is the buffer.
  private let decoder: OpaquePointer
  /// For coded blocks as they are read.
  let buffer: UnsafeMutableRawBufferPointer
  /// For what blocks are differences from.
  let base: UnsafeMutableRawBufferPointer

  private init?() {
    guard let decoder = tantra_decoder_make() else { return nil }
    self.decoder = decoder
    buffer = .allocate(byteCount: BlockEncoder.codedByteLimit, alignment: 64)
    base = .allocate(byteCount: BlockEncoder.blockByteCount, alignment: 64)
  }

  deinit {
    tantra_decoder_free(decoder)
    buffer.deallocate()
    base.deallocate()
  }

  /// Decodes a block.
  ///
  /// - Returns: false if the coded bytes are no such block.
  func decode(
    _ coded: UnsafeRawBufferPointer, transform: UInt8, base: UnsafeRawBufferPointer?,
    into block: UnsafeMutableRawBufferPointer
  ) -> Bool {
    tantra_decode_block(
      decoder, coded.baseAddress, coded.count, transform, base?.baseAddress, block.baseAddress, block.count) == 1
  }

  // MARK: The pool

  private static let limit = 8
  private static let idle = Mutex<[BlockDecoder]>([])

  /// Runs `body` with a decoder that nobody else has meanwhile; nil if there is not enough memory.
  static func withDecoder<R, E: Error>(_ body: (BlockDecoder) throws(E) -> R) throws(E) -> R? {
    guard let decoder = idle.withLock({ $0.popLast() }) ?? BlockDecoder() else { return nil }
    defer { idle.withLock { if $0.count < limit { $0.append(decoder) } } }
    return try body(decoder)
  }
}
