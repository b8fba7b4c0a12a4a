package import PosixIO
package import Tensors

extension RangeScanner {
  /// SHA-256 and CRC-32 of each range.
  package func checksums(of ranges: [Range<Int>]) throws(PosixError) -> [StorageChecksum] {
    try scan(ranges, into: StorageHasher()) { hasher, _, chunk in hasher.update(chunk) }.map { $0.finalize() }
  }
}
