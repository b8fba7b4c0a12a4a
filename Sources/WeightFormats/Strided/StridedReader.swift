/// Makes a contiguous, row-major copy of a strided tensor, whatever the order of its strides.
///
/// The tensor is copied in tiles that are long both in the order of the source and in that of the copy, so that each byte is read
/// and written once, in stretches of kilobytes: O(bytes). Whoever copies tiles needs 15 MB of memory.
package struct StridedReader {
  /// Bytes of a tile.
  static let tileByteCount = 6 << 20
  /// Bytes that are read for a tile: more than it has where elements lie apart.
  static let windowByteCount = 9 << 20
  /// Bytes that are written at once where the copy's order allows it. A file system takes four times as long for as much in
  /// pieces of 8 KiB; short reads cost it little.
  static let writeByteCount = 32 << 10
  /// Bytes between two elements that are read along, because another read would cost more.
  static let gapByteCount = 4096

  private let source: WeightFile.StridedSource
  private let dimensions: [Int]
  private let strides: [Int]
  private let width: Int
  /// Size of the copy.
  package let byteCount: Int

  /// - Throws: `malformed` for numbers that no tensor of a file has: nothing here traps or runs away.
  package init(_ source: WeightFile.StridedSource) throws(FormatError) {
    guard source.dimensions.count == source.strides.count, source.dimensions.allSatisfy({ $0 >= 0 }),
      source.strides.allSatisfy({ $0 >= 0 }), (1...64).contains(source.elementByteCount), source.offset >= 0
    else { throw FormatError(.malformed, "a strided tensor with impossible numbers") }
    let normal = source.normalized
    self.source = normal
    width = source.elementByteCount
    dimensions = normal.dimensions.isEmpty ? [1] : normal.dimensions
    strides = normal.dimensions.isEmpty ? [1] : normal.strides
    var count = width
    var reach = 0
    var overflow = false
    for (dimension, stride) in zip(dimensions, strides) where dimension > 0 {
      let (product, tooMany) = count.multipliedReportingOverflow(by: dimension)
      let (extent, tooFar) = stride.multipliedReportingOverflow(by: dimension - 1)
      let (sum, tooLarge) = reach.addingReportingOverflow(extent)
      count = product
      reach = sum
      overflow = overflow || tooMany || tooFar || tooLarge
    }
    let (last, tooFar) = reach.multipliedReportingOverflow(by: width)
    guard !overflow, !tooFar, last < Int.max / 4, count < Int.max / 4, source.offset < Int.max / 4 else {
      throw FormatError(.malformed, "a strided tensor larger than any file")
    }
    byteCount = dimensions.contains(0) ? 0 : count
  }

  /// Copies the tensor.
  ///
  /// - Parameters:
  ///   - read: fills a buffer from an offset of the file.
  ///   - write: takes bytes of the copy, and where in it they stand. Every byte comes once, in any order.
  ///   - progress: is told of bytes that were written; what it throws ends the copy.
  package func copy<Failure: Error>(
    read: (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Void,
    write: (_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws(Failure) -> Void,
    progress: (_ byteCount: Int) throws(Failure) -> Void
  ) throws(Failure) {
    var tiles = (0..<tileCount).makeIterator()
    try copy(tiles: { tiles.next() }, read: read, write: write, progress: progress)
  }

  /// In how many tiles the tensor is copied; 0 if it has no elements.
  package var tileCount: Int {
    guard byteCount > 0 else { return 0 }
    return source.textByteCount == nil ? grid.tileCount : 1
  }

  /// How it is copied in any order.
  private var grid: StridedGrid { StridedGrid(dimensions, strides, elementByteCount: width) }

  /// Copies the tensor from its first byte to its last, for whoever cannot take bytes in any order. Reads are shorter then.
  ///
  /// - Parameter take: takes the next bytes of the copy.
  package func copyInOrder<Failure: Error>(
    read: (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Void,
    take: (_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Void,
    progress: (_ byteCount: Int) throws(Failure) -> Void
  ) throws(Failure) {
    guard byteCount > 0 else { return }
    let grid = StridedGrid(inOrder: dimensions, strides, elementByteCount: width)
    func write(_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws(Failure) { try take(bytes) }
    if let textByteCount = source.textByteCount {
      return try copyText(textByteCount, grid, read: read, write: write, progress: progress)
    }
    var tiles = (0..<grid.tileCount).makeIterator()
    try copyTiles({ tiles.next() }, of: grid, from: source.offset, read: read, write: write, progress: progress)
  }

  /// Copies some tiles, so that threads can share the tensor.
  ///
  /// - Parameter next: the next tile to copy, each below ``tileCount``; nil if none is left.
  package func copy<Failure: Error>(
    tiles next: () -> Int?,
    read: (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Void,
    write: (_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws(Failure) -> Void,
    progress: (_ byteCount: Int) throws(Failure) -> Void
  ) throws(Failure) {
    guard byteCount > 0 else { return }
    if let textByteCount = source.textByteCount {
      guard next() != nil else { return }
      return try copyText(textByteCount, grid, read: read, write: write, progress: progress)
    }
    try copyTiles(next, of: grid, from: source.offset, read: read, write: write, progress: progress)
  }

  private func copyTiles<Failure: Error>(
    _ next: () -> Int?, of grid: StridedGrid, from offset: Int,
    read: (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Void,
    write: (_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws(Failure) -> Void,
    progress: (_ byteCount: Int) throws(Failure) -> Void
  ) throws(Failure) {
    var input = StridedBuffer()
    var output = StridedBuffer()
    while let index = next() {
      let (start, lengths) = grid.tile(index)
      let tile = StridedTile(lengths, strides, in: dimensions, elementByteCount: width)
      input.grow(to: tile.windowByteCount)
      output.grow(to: tile.outputByteCount)
      let first = zip(start, strides).reduce(offset) { $0 + $1.0 * $1.1 * width }
      try tile.forEachRead { (sourceOffset, position, count) throws(Failure) in
        try read(first + sourceOffset, input.part(position, count))
        try progress(0)
      }
      tile.gather(from: input.all, to: output.all)
      let place = zip(start, dimensions).reduce(0) { $0 * $1.1 + $1.0 }
      try tile.forEachWrite { (targetOffset, position, count) throws(Failure) in
        let part = output.part(position, count)
        if source.swapWidth > 1 { Self.swap(part, by: source.swapWidth) }
        try write(UnsafeRawBufferPointer(part), place * width + targetOffset)
        try progress(count)
      }
    }
  }

  /// Puts the bytes of each number into the opposite order.
  private static func swap(_ buffer: UnsafeMutableRawBufferPointer, by width: Int) {
    for start in stride(from: 0, through: buffer.count - width, by: width) {
      var low = start
      var high = start + width - 1
      while low < high {
        buffer.swapAt(low, high)
        low += 1
        high -= 1
      }
    }
  }

  // MARK: Text

  /// Copies elements whose bytes the file has as Latin-1 text. In order they are passed on as they are decoded. In any other
  /// order they are decoded into memory first: parsers refuse such tensors unless they are small.
  private func copyText<Failure: Error>(
    _ textByteCount: Int, _ grid: StridedGrid,
    read: (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Void,
    write: (_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws(Failure) -> Void,
    progress: (_ byteCount: Int) throws(Failure) -> Void
  ) throws(Failure) {
    let isInOrder = dimensions.count == 1 && strides == [1]
    let numberWidth = max(source.swapWidth, 1)
    let chunk = 1 << 20
    var text = StridedBuffer()
    text.grow(to: min(chunk, textByteCount))
    var decoded = StridedBuffer()
    decoded.grow(to: isInOrder ? text.all.count + numberWidth : byteCount)
    var lead: UInt8 = 0
    var position = 0
    var target = 0
    var done = 0
    while position < textByteCount, done + target < byteCount {
      let count = min(chunk, textByteCount - position)
      try read(source.offset + position, text.part(0, count))
      position += count
      for byte in text.part(0, count) where done + target < byteCount {
        if byte >= 0xC0 {
          lead = byte
          continue
        }
        decoded.all[target] = byte < 0x80 ? byte : lead << 6 | byte & 0x3F
        target += 1
      }
      if isInOrder {
        // A number that is not whole yet waits for the rest of it.
        let rest = target % numberWidth
        let whole = decoded.part(0, target - rest)
        if numberWidth > 1 { Self.swap(whole, by: numberWidth) }
        try write(UnsafeRawBufferPointer(whole), done)
        done += whole.count
        decoded.part(0, rest).copyMemory(from: UnsafeRawBufferPointer(decoded.part(whole.count, rest)))
        target = rest
      }
      try progress(isInOrder ? count : 0)
    }
    guard !isInOrder else { return }
    let memory = decoded.all
    var tiles = (0..<grid.tileCount).makeIterator()
    try copyTiles(
      { tiles.next() }, of: grid, from: 0,
      read: { (offset, buffer) throws(Failure) in
        let end = min(offset + buffer.count, memory.count)
        guard offset < end else { return }
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[offset..<end]))
      }, write: write, progress: progress)
  }
}
