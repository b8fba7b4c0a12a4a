/// How a strided tensor is cut into tiles: boxes that are long along the file's order and along the copy's.
struct StridedGrid {
  private let dimensions: [Int]
  /// Elements of a tile along each axis; those at the end have fewer.
  let extents: [Int]

  /// - Parameter dimensions: none of them 0.
  init(_ dimensions: [Int], _ strides: [Int], elementByteCount: Int) {
    self.dimensions = dimensions
    let capacity = Self.capacity(dimensions, strides, elementByteCount: elementByteCount)
    let longest = min(max(StridedReader.writeByteCount / elementByteCount, 1), capacity)
    var extents = [Int](repeating: 1, count: dimensions.count)
    func grow(_ axes: some Sequence<Int>, to side: Int) {
      var run = 1
      for axis in axes {
        extents[axis] = max(extents[axis], min(dimensions[axis], max(side / run, 1)))
        run *= extents[axis]
        if extents[axis] < dimensions[axis] || run >= side { return }
      }
    }
    grow(dimensions.indices.reversed(), to: longest)
    grow(StridedTile.order(dimensions, strides), to: max(capacity / longest, 1))
    var volume = extents.reduce(1, *)
    for axis in dimensions.indices.reversed() where volume < capacity {
      let larger = min(dimensions[axis], extents[axis] * (capacity / volume))
      volume = volume / extents[axis] * larger
      extents[axis] = larger
    }
    self.extents = extents
  }

  /// The tiles of a copy that is made from its first byte to its last.
  ///
  /// - Parameter dimensions: none of them 0.
  init(inOrder dimensions: [Int], _ strides: [Int], elementByteCount: Int) {
    self.dimensions = dimensions
    var extents = [Int](repeating: 1, count: dimensions.count)
    var room = Self.capacity(dimensions, strides, elementByteCount: elementByteCount)
    for axis in dimensions.indices.reversed() {
      extents[axis] = min(dimensions[axis], room)
      if extents[axis] < dimensions[axis] { break }
      room = max(room / dimensions[axis], 1)
    }
    self.extents = extents
  }

  /// How many elements a tile may have: fewer if they lie apart in the file, for what lies between is read along as long as it is
  /// little.
  private static func capacity(_ dimensions: [Int], _ strides: [Int], elementByteCount width: Int) -> Int {
    let usual = max(StridedReader.tileByteCount / width, 1)
    guard let axis = StridedTile.order(dimensions, strides).first, strides[axis] > 1,
      strides[axis] - 1 <= StridedReader.gapByteCount / width
    else { return usual }
    // A little less than the window: rows begin a cache line or two apart.
    return min(usual, max(StridedReader.windowByteCount / 8 * 7 / (strides[axis] * width), 1))
  }

  var tileCount: Int { dimensions.indices.reduce(1) { $0 * tileCount(along: $1) } }

  private func tileCount(along axis: Int) -> Int { (dimensions[axis] - 1) / extents[axis] + 1 }

  /// Where a tile begins, and how long it is, along each axis. Tiles are counted along the last axis first.
  func tile(_ index: Int) -> (start: [Int], lengths: [Int]) {
    var (start, lengths) = (extents, extents)
    var rest = index
    for axis in dimensions.indices.reversed() {
      let count = tileCount(along: axis)
      start[axis] = rest % count * extents[axis]
      lengths[axis] = min(extents[axis], dimensions[axis] - start[axis])
      rest /= count
    }
    return (start, lengths)
  }
}
