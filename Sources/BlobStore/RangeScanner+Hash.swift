package import PosixIO
import SystemPackage
package import Tensors

extension RangeScanner {
  /// SHA-256 and CRC-32 of each range.
  package func checksums(of ranges: [Range<Int>]) throws(PosixError) -> [StorageChecksum] {
    try scan(ranges, into: StorageHasher(), { hasher, _, chunk in hasher.update(chunk) }, finish: { $0.finalize() })
  }

  /// Hashes a file, cut at `storages`, which must not overlap.
  ///
  /// - Parameter path: names the file in errors.
  /// - Returns: the segment table, and the checksum of each storage in the order given.
  package func segments(
    of byteCount: Int, cutAt storages: [Range<Int>], path: String
  ) throws(PosixError) -> (table: SegmentTable, checksums: [StorageChecksum]) {
    guard let pieces = SegmentTable.cut(byteCount: byteCount, at: storages) else {
      throw PosixError(.invalidArgument, call: "hash: storages overlap", path: path)
    }
    let checksums = try checksums(of: pieces)
    let empty = StorageHasher().finalize()
    let table = SegmentTable(pieces, checksums)
    return (
      table, storages.map { $0.isEmpty ? empty : table.index(ofOffset: $0.lowerBound).map { checksums[$0] } ?? empty }
    )
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
