/// How a file's bytes are made: literal bytes (headers, pickles, padding) and ranges of storages, in file order.
///
/// The size is known up front, and any range can be produced without touching the rest; finding it takes a binary search.
package struct FileLayout: Sendable, Hashable {
  /// A stretch of the file.
  package enum Segment: Sendable, Hashable {
    case literal(ArraySlice<UInt8>)
    /// Bytes of storage `index` of the state dict, from `offset` in it.
    case storage(index: Int, offset: Int, byteCount: Int)

    package var byteCount: Int {
      switch self {
      case .literal(let bytes): bytes.count
      case .storage(_, _, let byteCount): byteCount
      }
    }
  }

  /// A segment; there may be millions.
  private struct Entry: Hashable {
    /// Index of its storage; for literal bytes the index of their chunk, with all bits inverted, which is negative.
    var source: Int
    /// Where it begins in the storage or chunk.
    var start: Int
    /// The file offset just after it.
    var end: Int
  }

  /// No chunk of literal bytes grows beyond it; what is appended at once stays together.
  private static let chunkLimit = 1 << 20
  private var entries: [Entry] = []
  /// All literal bytes, in the order of the file. One array of many megabytes would be copied when it grows.
  private var chunks: [[UInt8]] = []

  package init() {}

  /// Size of the file.
  package var byteCount: Int { entries.last?.end ?? 0 }

  /// All segments, in file order.
  package var segments: [Segment] { entries.indices.map { segment($0) } }

  private func segment(_ index: Int) -> Segment {
    let entry = entries[index]
    let count = entry.end - (index > 0 ? entries[index - 1].end : 0)
    return entry.source < 0
      ? .literal(chunks[~entry.source][entry.start..<entry.start + count])
      : .storage(index: entry.source, offset: entry.start, byteCount: count)
  }

  /// About how many bytes of memory the layout takes.
  package var memoryByteCount: Int {
    entries.count * MemoryLayout<Entry>.stride + chunks.reduce(0) { $0 + $1.count }
  }

  /// Makes room for so many segments, so that nothing is copied to grow.
  package mutating func reserve(segmentCount: Int) { entries.reserveCapacity(segmentCount) }

  /// Appends literal bytes; neighbouring literals become one segment, if both fit in one chunk.
  package mutating func append(literal bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    let end = byteCount + bytes.count
    guard let chunk = chunks.indices.last, chunks[chunk].count + bytes.count <= Self.chunkLimit else {
      entries.append(Entry(source: ~chunks.count, start: 0, end: end))
      chunks.append(bytes)
      return
    }
    if let last = entries.indices.last, entries[last].source == ~chunk {
      entries[last].end = end
    } else {
      entries.append(Entry(source: ~chunk, start: chunks[chunk].count, end: end))
    }
    chunks[chunk].append(contentsOf: bytes)
  }

  /// Appends a range of a storage; empty ranges leave no trace.
  package mutating func append(storage index: Int, offset: Int, byteCount count: Int) {
    guard count > 0 else { return }
    entries.append(Entry(source: index, start: offset, end: byteCount + count))
  }

  /// Calls `body` for each piece of `range`, in order: a segment and the part of it that is wanted.
  ///
  /// The range is clamped to the file. O(log segments + pieces).
  package func forEachPiece<E: Error>(
    in range: Range<Int>, _ body: (_ segment: Segment, _ part: Range<Int>) throws(E) -> Void
  ) throws(E) {
    var position = max(range.lowerBound, 0)
    let upper = min(range.upperBound, byteCount)
    guard position < upper else { return }
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].end <= position { low = middle + 1 } else { high = middle }
    }
    var index = low
    while position < upper {
      let segment = segment(index)
      let start = entries[index].end - segment.byteCount
      let end = min(entries[index].end, upper)
      try body(segment, position - start..<end - start)
      position = end
      index += 1
    }
  }
}
