package import PosixIO
package import Tensors

extension RangeScanner {
  /// SHA-256 and CRC-32 of each range.
  package func checksums(of ranges: [Range<Int>]) throws(PosixError) -> [StorageChecksum] {
    try scan(ranges, into: StorageHasher(), { hasher, _, chunk in hasher.update(chunk) }, finish: { $0.finalize() })
  }

  /// Which of some segments have other bytes than they should: their indices.
  package func damagedSegments(of segments: [SegmentTable.Segment]) throws(PosixError) -> [Int] {
    let found = try checksums(of: segments.map(\.range))
    return segments.indices.filter { segments[$0].digest != found[$0].digest }
  }
}
