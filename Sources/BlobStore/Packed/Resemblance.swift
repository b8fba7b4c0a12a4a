package import Tensors

/// Where in other blobs lies what a blob's bytes are like, as the same tensors of another version: what its blocks may be differences
/// from.
package struct Resemblance: Sendable {
  /// Bytes of the blob, and where as many lie that are like them.
  package struct Stretch: Sendable, Hashable {
    package var range: Range<Int>
    package var base: Digest
    /// Where they begin in the base.
    package var start: Int

    package init(_ range: Range<Int>, in base: Digest, from start: Int) {
      self.range = range
      self.base = base
      self.start = start
    }
  }

  /// In order of where they begin, and of where they end.
  package let stretches: [Stretch]
  /// The segments of each base, with which it is compared before it is relied on; nil for a base of one segment whose digest
  /// nobody has written down.
  package let bases: [Digest: SegmentTable?]

  /// - Parameter tables: the segments of blobs, those of all bases among them.
  package init(_ stretches: [Stretch], tables: [Digest: SegmentTable?]) {
    var last = 0
    // Views of a tensor lie inside it.
    self.stretches = stretches.sorted { ($0.range.lowerBound, $1.range.count) < ($1.range.lowerBound, $0.range.count) }
      .filter { stretch in
        defer { last = max(last, stretch.range.upperBound) }
        return stretch.range.upperBound > last
      }
    let needed = Set(stretches.map(\.base))
    bases = tables.filter { needed.contains($0.key) }
  }

  /// What each block may be a difference from: what is like most of its bytes, as far as all of that is there.
  ///
  /// - Parameter sizes: of the bases that may be used.
  func runs(byteCount: Int, _ sizes: [Digest: Int]) -> [PackedIndex.Run] {
    var first = 0
    var runs: [PackedIndex.Run] = []
    for block in 0..<PackedIndex.blockCount(of: byteCount) {
      let range = PackedIndex.range(ofBlock: block, of: byteCount)
      while first < stretches.count, stretches[first].range.upperBound <= range.lowerBound { first += 1 }
      var best = PackedIndex.Run(firstBlock: block, base: nil, shift: 0)
      var common = 0
      for stretch in stretches[first...] {
        if stretch.range.lowerBound >= range.upperBound { break }
        let count = stretch.range.clamped(to: range).count
        let shift = stretch.start - stretch.range.lowerBound
        guard count > common, let size = sizes[stretch.base], range.lowerBound + shift >= 0,
          range.upperBound + shift <= size
        else { continue }
        common = count
        (best.base, best.shift) = (stretch.base, shift)
      }
      if (runs.last?.base, runs.last?.shift ?? 0) != (best.base, best.shift) { runs.append(best) }
    }
    return runs
  }
}
