import PosixIO
import Synchronization
import Tensors

/// A source that remembers what was read of it: as long as a file has the same bytes there, a parser would find the same in it. That
/// takes a fraction of the time and memory of parsing it again. Bytes of tensors that a parser has read along with others count, too.
package final class RecordingSource<Base: ByteSource>: ByteSource {
  private struct Reads: Sendable {
    var ranges: [Range<Int>] = []
    /// Of all bytes that were read, in that order.
    var hasher = StorageHasher()
  }

  private let base: Base
  private let reads = Mutex(Reads())

  package init(_ base: Base) { self.base = base }

  package var byteCount: Int { base.byteCount }

  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FormatError) {
    try base.read(at: offset, into: buffer)
    let bytes = UnsafeRawBufferPointer(buffer)
    reads.withLock { reads in
      reads.ranges.append(offset..<offset + bytes.count)
      reads.hasher.update(bytes)
    }
  }

  /// Whether `other` has the same size, and the same bytes wherever this was read.
  package func hasSameBytes(as other: some ByteSource) throws(FormatError) -> Bool {
    guard other.byteCount == byteCount else { return false }
    let reads = reads.withLock { $0 }
    var hasher = StorageHasher()
    var buffer: [UInt8] = []
    for range in reads.ranges {
      if buffer.count < range.count { buffer = [UInt8](repeating: 0, count: range.count) }
      try buffer.withMutableBytes { (bytes) throws(FormatError) in
        let part = UnsafeMutableRawBufferPointer(rebasing: bytes[..<range.count])
        try other.read(at: range.lowerBound, into: part)
        hasher.update(UnsafeRawBufferPointer(part))
      }
    }
    return hasher.finalize() == reads.hasher.finalize()
  }
}
