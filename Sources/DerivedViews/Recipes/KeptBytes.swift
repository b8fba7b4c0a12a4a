import BlobStore
import PosixIO
import Synchronization

/// Scales of rows: few bytes that depend on much data. They are computed at the first read, and kept for as long as the file is open.
final class KeptBytes: StoredBytes {
  /// Scales that are kept at most; more are computed each time.
  private static let byteLimit = 1 << 20

  private let source: ComputedTensor
  private let kept = Mutex<[UInt8]?>(nil)

  init(_ source: ComputedTensor) { self.source = source }

  var name: String { source.name }
  var byteCount: Int { source.byteCount }
  var localFile: OpenedFile? { nil }
  func isAtHand(_ range: Range<Int>) -> Bool { source.isAtHand(range) }

  func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, unless interruption: Interruption
  ) throws(BlobStoreError) {
    guard byteCount <= Self.byteLimit, range.lowerBound >= 0, range.upperBound <= byteCount else {
      return try source.read(range, into: buffer, unless: interruption)
    }
    if let known = kept.withLock({ $0 }) { return buffer.copyBytes(from: known[range]) }
    // Nobody waits for somebody else: two who come first compute the same.
    let bytes = try [UInt8](upTo: byteCount) { (all) throws(BlobStoreError) in
      try source.read(0..<byteCount, into: all, unless: interruption)
      return byteCount
    }
    kept.withLock { $0 = bytes }
    buffer.copyBytes(from: bytes[range])
  }
}
