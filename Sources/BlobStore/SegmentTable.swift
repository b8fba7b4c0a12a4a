package import Tensors

/// How a blob's bytes were hashed: every tensor storage and every stretch between them, in file order, without gaps.
///
/// A blob's id is the SHA-256 of its segment table, so that one pass over the data, parallel over segments, gives the
/// digest of every tensor and the id. The hashed form is, for each segment:
///
///     | offset: u64 LE | byte count: u64 LE | SHA-256: 32 bytes |
package struct SegmentTable: Sendable, Hashable {
  package struct Segment: Sendable, Hashable {
    package var offset: Int
    package var byteCount: Int
    package var digest: Digest

    package init(offset: Int, byteCount: Int, digest: Digest) {
      self.offset = offset
      self.byteCount = byteCount
      self.digest = digest
    }

    package var range: Range<Int> { offset..<offset + byteCount }
  }

  package var segments: [Segment]

  package init(_ segments: [Segment]) { self.segments = segments }

  /// The table of a file that was hashed in these ranges, which follow each other.
  package init(_ ranges: [Range<Int>], _ checksums: [StorageChecksum]) {
    segments = zip(ranges, checksums).map { range, checksum in
      Segment(offset: range.lowerBound, byteCount: range.count, digest: checksum.digest)
    }
  }

  /// The table of a small blob that is hashed as one segment.
  package init(whole bytes: [UInt8]) { self.init(whole: bytes.count, Digest(of: bytes)) }

  /// The table of a file that is hashed as one segment, by its size and plain SHA-256.
  package init(whole byteCount: Int, _ digest: Digest) {
    segments = byteCount == 0 ? [] : [Segment(offset: 0, byteCount: byteCount, digest: digest)]
  }

  /// The table of segments that somebody claims to be one; nil unless they follow each other without a gap.
  package init?(checking segments: [Segment]) {
    var end = 0
    for segment in segments {
      let (next, overflow) = end.addingReportingOverflow(segment.byteCount)
      guard segment.offset == end, segment.byteCount > 0, !overflow else { return nil }
      end = next
    }
    self.segments = segments
  }

  /// Size of the blob.
  package var byteCount: Int { segments.last.map { $0.offset + $0.byteCount } ?? 0 }

  /// Index of the segment that begins at an offset; nil if none does. O(log segments).
  package func index(ofOffset offset: Int) -> Int? {
    var (low, high) = (0, segments.count)
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].offset < offset { low = middle + 1 } else { high = middle }
    }
    return low < segments.count && segments[low].offset == offset ? low : nil
  }

  /// The id of the blob with these segments.
  package var blob: Digest {
    var hasher = StorageHasher()
    var encoded: [UInt8] = []
    encoded.reserveCapacity(Self.encodingLimit + 48)
    for segment in segments {
      withUnsafeBytes(of: UInt64(segment.offset).littleEndian) { encoded.append(contentsOf: $0) }
      withUnsafeBytes(of: UInt64(segment.byteCount).littleEndian) { encoded.append(contentsOf: $0) }
      segment.digest.append(to: &encoded)
      guard encoded.count >= Self.encodingLimit else { continue }
      encoded.withUnsafeBytes { hasher.update($0) }
      encoded.removeAll(keepingCapacity: true)
    }
    encoded.withUnsafeBytes { hasher.update($0) }
    return hasher.finalize().digest
  }

  /// Bytes of the hashed form that are in memory at once.
  private static let encodingLimit = 16 << 10

  /// Cuts a file of `byteCount` bytes at the given storages: the storages themselves (empty ones left out) and the
  /// stretches between them, in file order.
  ///
  /// - Returns: nil if storages overlap or leave the file.
  package static func cut(byteCount: Int, at storages: [Range<Int>]) -> [Range<Int>]? {
    var pieces: [Range<Int>] = []
    var end = 0
    for storage in storages.filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard storage.lowerBound >= end, storage.upperBound <= byteCount else { return nil }
      if storage.lowerBound > end { pieces.append(end..<storage.lowerBound) }
      pieces.append(storage)
      end = storage.upperBound
    }
    if end < byteCount { pieces.append(end..<byteCount) }
    return pieces
  }
}
