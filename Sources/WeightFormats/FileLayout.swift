/// How a file's bytes are made: literal bytes (headers, pickles, padding) and ranges of storages, in file order.
///
/// The size is known up front, and any range can be produced without touching the rest; finding it takes a binary search.
package struct FileLayout: Sendable, Hashable {
  /// A stretch of the file.
  package enum Segment: Sendable, Hashable {
    case literal([UInt8])
    /// Bytes of storage `index` of the state dict, from `offset` in it.
    case storage(index: Int, offset: Int, byteCount: Int)

    package var byteCount: Int {
      switch self {
      case .literal(let bytes): bytes.count
      case .storage(_, _, let byteCount): byteCount
      }
    }
  }

  package private(set) var segments: [Segment] = []
  /// `ends[i]` is the file offset just after segment `i`.
  private var ends: [Int] = []

  package init() {}

  /// Size of the file.
  package var byteCount: Int { ends.last ?? 0 }

  /// About how many bytes of memory the layout takes.
  package var memoryByteCount: Int {
    segments.reduce(segments.count * (MemoryLayout<Segment>.stride + MemoryLayout<Int>.stride)) { sum, segment in
      if case .literal(let bytes) = segment { sum + bytes.capacity + 48 } else { sum }
    }
  }

  /// Appends literal bytes; neighbouring literals become one segment.
  package mutating func append(literal bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    let end = byteCount + bytes.count
    if let last = segments.indices.last, case .literal(var merged) = segments[last] {
      segments[last] = .literal([])  // gives up the reference, so that appending does not copy what is there
      merged.append(contentsOf: bytes)
      segments[last] = .literal(merged)
      ends[last] = end
    } else {
      segments.append(.literal(bytes))
      ends.append(end)
    }
  }

  /// Appends a range of a storage; empty ranges leave no trace.
  package mutating func append(storage index: Int, offset: Int, byteCount count: Int) {
    guard count > 0 else { return }
    let end = byteCount + count
    segments.append(.storage(index: index, offset: offset, byteCount: count))
    ends.append(end)
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
    var high = ends.count
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] <= position { low = middle + 1 } else { high = middle }
    }
    var index = low
    while position < upper {
      let start = ends[index] - segments[index].byteCount
      let end = min(ends[index], upper)
      try body(segments[index], position - start..<end - start)
      position = end
      index += 1
    }
  }
}
