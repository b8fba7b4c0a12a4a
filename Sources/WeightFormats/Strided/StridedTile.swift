/// A box of a strided tensor that is copied at once: how it is read, put in order and written.
///
///     file, in stretches  ->  window, a stretch a row  ->  output, row-major  ->  copy, in stretches
///
/// Counts are in elements unless they say bytes. Rows of the two buffers are as far apart as keeps a processor's cache from
/// putting them all in the same place.
struct StridedTile {
  private let width: Int
  private let lengths: [Int]
  /// Of the tensor in the file.
  private let strides: [Int]
  /// Of the copy.
  private let targetStrides: [Int]

  /// Elements that are read at once.
  private let span: Int
  /// Axes along which reads are repeated, the slowest first.
  private let readAxes: [Int]
  private let windowStrides: [Int]
  let windowByteCount: Int

  /// Elements that are written at once.
  private let run: Int
  /// Axes before this one repeat writes.
  private let writeAxis: Int
  private let outputStrides: [Int]
  let outputByteCount: Int

  /// Axes that move in the file, the one whose elements are closest first.
  static func order(_ lengths: [Int], _ strides: [Int]) -> [Int] {
    strides.indices.filter { strides[$0] > 0 && lengths[$0] > 1 }.sorted { (strides[$0], $0) < (strides[$1], $1) }
  }

  /// Where the next row begins: far enough, and not at a power of two.
  private static func pitch(_ count: Int, width: Int) -> Int {
    guard count * width >= 256 else { return count }
    let line = max(64 / width, 1)
    return (count + line - 1) / line * line + line
  }

  /// - Parameters:
  ///   - lengths: of this tile, along each axis.
  ///   - dimensions: of the whole tensor.
  init(_ lengths: [Int], _ strides: [Int], in dimensions: [Int], elementByteCount: Int) {
    width = elementByteCount
    self.lengths = lengths
    self.strides = strides
    let axes = lengths.indices
    let volume = lengths.reduce(1, *)

    // What is read at once: axes are taken in as long as what lies between is little.
    let order = Self.order(lengths, strides)
    var span = 1
    var elements = 1
    var taken = 0
    for axis in order {
      let larger = span + (lengths[axis] - 1) * strides[axis]
      let others = order[(taken + 1)...].reduce(1) { $0 * lengths[$1] }
      let gap = (strides[axis] - span) * elementByteCount
      let isDense = larger / 2 <= elements * lengths[axis] || gap <= StridedReader.gapByteCount
      guard isDense,
        Self.pitch(larger, width: elementByteCount) <= StridedReader.windowByteCount / elementByteCount / others
      else { break }
      span = larger
      elements *= lengths[axis]
      taken += 1
    }
    self.span = span
    readAxes = order[taken...].reversed()
    var windowStrides = [Int](repeating: 0, count: lengths.count)
    for axis in order[..<taken] { windowStrides[axis] = strides[axis] }
    var rows = Self.pitch(span, width: elementByteCount)
    for axis in order[taken...] {
      windowStrides[axis] = rows
      rows *= lengths[axis]
    }
    self.windowStrides = windowStrides
    windowByteCount = rows * elementByteCount

    // What is written at once: the last axes, as far as they are whole.
    var targetStrides = [Int](repeating: 1, count: lengths.count)
    for axis in axes.dropLast().reversed() { targetStrides[axis] = targetStrides[axis + 1] * dimensions[axis + 1] }
    self.targetStrides = targetStrides
    var first = lengths.count - 1
    while first > 0, lengths[first] == dimensions[first] { first -= 1 }
    writeAxis = first
    run = lengths[first...].reduce(1, *)
    var outputStrides = [Int](repeating: 1, count: lengths.count)
    for axis in axes.dropLast().reversed() where axis >= first {
      outputStrides[axis] = outputStrides[axis + 1] * lengths[axis + 1]
    }
    let pitch = Self.pitch(run, width: elementByteCount)
    var next = pitch
    for axis in axes[..<first].reversed() {
      outputStrides[axis] = next
      next *= lengths[axis]
    }
    self.outputStrides = outputStrides
    outputByteCount = max(next, volume) * elementByteCount
  }

  /// Names what is to be read: bytes from the tile's first element in the file, bytes in the window, and how many.
  func forEachRead<E: Error>(_ body: (Int, Int, Int) throws(E) -> Void) throws(E) {
    try forEachIndex(of: readAxes, strides, windowStrides) { (source, window) throws(E) in
      try body(source * width, window * width, span * width)
    }
  }

  /// Names what is to be written: bytes from the tile's first element in the copy, bytes in the output, and how many.
  func forEachWrite<E: Error>(_ body: (Int, Int, Int) throws(E) -> Void) throws(E) {
    try forEachIndex(of: Array(0..<writeAxis), targetStrides, outputStrides) { (target, output) throws(E) in
      try body(target * width, output * width, run * width)
    }
  }

  /// Walks over all indices of some axes, the last one fastest.
  private func forEachIndex<E: Error>(
    of axes: [Int], _ a: [Int], _ b: [Int], _ body: (Int, Int) throws(E) -> Void
  ) throws(E) {
    var index = [Int](repeating: 0, count: axes.count)
    var (first, second) = (0, 0)
    while true {
      try body(first, second)
      var place = axes.count - 1
      while place >= 0 {
        let axis = axes[place]
        index[place] += 1
        first += a[axis]
        second += b[axis]
        if index[place] < lengths[axis] { break }
        first -= a[axis] * lengths[axis]
        second -= b[axis] * lengths[axis]
        index[place] = 0
        place -= 1
      }
      if place < 0 { return }
    }
  }

  // MARK: Memory

  /// Puts the elements of the window in the order of the output.
  func gather(from window: UnsafeMutableRawBufferPointer, to output: UnsafeMutableRawBufferPointer) {
    guard let window = window.baseAddress, let output = output.baseAddress else { return }
    switch width {
    case 1: gather(UnsafeRawPointer(window), output, UInt8.self)
    case 2: gather(UnsafeRawPointer(window), output, UInt16.self)
    case 4: gather(UnsafeRawPointer(window), output, UInt32.self)
    case 8: gather(UnsafeRawPointer(window), output, UInt64.self)
    case 16: gather(UnsafeRawPointer(window), output, SIMD2<UInt64>.self)
    default:
      let all = lengths.indices.filter { lengths[$0] > 1 }
      forEachIndex(of: all, windowStrides, outputStrides) { source, target in
        output.advanced(by: target * width).copyMemory(from: window.advanced(by: source * width), byteCount: width)
      }
    }
  }

  private func gather<Element: BitwiseCopyable>(
    _ window: UnsafeRawPointer, _ output: UnsafeMutableRawPointer, _ type: Element.Type
  ) {
    let source = window.assumingMemoryBound(to: type)
    let target = output.assumingMemoryBound(to: type)
    // The fastest axis of the output and that of the window; between two of them, blocks fit a cache.
    let inner = lengths.indices.last { lengths[$0] > 1 } ?? 0
    let close = lengths.indices.filter { lengths[$0] > 1 && windowStrides[$0] > 0 && $0 != inner }
      .min { windowStrides[$0] < windowStrides[$1] }
    let isCloser = close.map { windowStrides[$0] < windowStrides[inner] } ?? false
    let others = lengths.indices.filter { lengths[$0] > 1 && $0 != inner && !(isCloser && $0 == close) }
    let (count, step, place) = (lengths[inner], windowStrides[inner], outputStrides[inner])
    forEachIndex(of: others, windowStrides, outputStrides) { from, to in
      guard isCloser, let close else {
        if step == 1, place == 1 {
          (target + to).update(from: source + from, count: count)
        } else {
          for index in 0..<count { target[to + index * place] = source[from + index * step] }
        }
        return
      }
      let (rows, rowStep, rowPlace) = (lengths[close], windowStrides[close], outputStrides[close])
      let block = 32
      for row in stride(from: 0, to: rows, by: block) {
        let rowEnd = min(row + block, rows)
        for column in stride(from: 0, to: count, by: block) {
          let columnEnd = min(column + block, count)
          for r in row..<rowEnd {
            let base = source + (from + r * rowStep)
            let place0 = target + (to + r * rowPlace)
            var c = column
            while c < columnEnd {
              place0[c &* place] = base[c &* step]
              c &+= 1
            }
          }
        }
      }
    }
  }
}
