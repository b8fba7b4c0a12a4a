package import PosixIO
import SystemPackage
package import Tensors

extension RangeScanner {
  /// SHA-256 and CRC-32 of each range.
  package func checksums(of ranges: [Range<Int>]) throws(PosixError) -> [StorageChecksum] {
    try scan(ranges, into: StorageHasher(), { hasher, _, chunk in hasher.update(chunk) }, finish: { $0.finalize() })
  }

  /// CRC-32 of each range, which takes a fraction of the time that SHA-256 takes.
  package func cyclicChecksums(of ranges: [Range<Int>]) throws(PosixError) -> [UInt32] {
    try scan(ranges, into: CRC32(), { crc, _, chunk in crc.update(chunk) }, finish: { $0.value })
  }

  /// Which of some segments have other bytes than they should, or cannot be read: their indices.
  package func damagedSegments(of segments: [SegmentTable.Segment]) throws(PosixError) -> [Int] {
    try damagedSegments(of: segments[...])
  }

  private func damagedSegments(of segments: ArraySlice<SegmentTable.Segment>) throws(PosixError) -> [Int] {
    do throws(PosixError) {
      let found = try checksums(of: segments.map(\.range))
      return zip(segments.indices, found).filter { segments[$0].digest != $1.digest }.map(\.0)
    } catch {
      guard error.errno == .ioError else { throw error }
      guard segments.count > 1 else { return Array(segments.indices) }
      // Some of them: those that can be read are found by halves.
      let middle = segments.startIndex + segments.count / 2
      return try damagedSegments(of: segments[..<middle]) + damagedSegments(of: segments[middle...])
    }
  }
}
