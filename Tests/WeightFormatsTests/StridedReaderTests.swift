import Foundation
import TestSupport
import Testing
import WeightFormats

/// Contiguous copies of strided tensors: right for any strides, refused for impossible ones, and made in one go.
@Suite struct StridedReaderTests {
  /// Copies a tensor of a file in memory; checks that every byte is written once and every read is inside.
  private func copy(_ source: WeightFile.StridedSource, of file: [UInt8]) throws -> [UInt8] {
    let reader = try StridedReader(source)
    var result = [UInt8](repeating: 0, count: reader.byteCount)
    var written = [Bool](repeating: false, count: reader.byteCount)
    var isInside = true
    try reader.copy(
      read: { (offset, buffer) throws(FormatError) in try BufferSource(file).read(at: offset, into: buffer) },
      write: { (bytes, offset) throws(FormatError) in
        for (index, byte) in bytes.enumerated() {
          isInside = isInside && offset + index < result.count && !written[offset + index]
          guard isInside else { return }
          result[offset + index] = byte
          written[offset + index] = true
        }
      }, progress: { _ throws(FormatError) in })
    #expect(isInside && written.allSatisfy { $0 })
    var inOrder: [UInt8] = []
    try reader.copyInOrder(
      read: { (offset, buffer) throws(FormatError) in try BufferSource(file).read(at: offset, into: buffer) },
      take: { (bytes) throws(FormatError) in inOrder += bytes }, progress: { _ throws(FormatError) in })
    let isSame = inOrder == result
    #expect(isSame)
    return result
  }

  /// The same, element by element.
  private func expected(_ source: WeightFile.StridedSource, of file: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    guard !source.dimensions.contains(0) else { return bytes }
    var index = [Int](repeating: 0, count: source.dimensions.count)
    while true {
      let element = zip(index, source.strides).reduce(0) { $0 + $1.0 * $1.1 }
      let start = source.offset + element * source.elementByteCount
      bytes += file[start..<start + source.elementByteCount]
      var axis = index.count - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < source.dimensions[axis] { break }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return bytes }
    }
  }

  @Test func copiesAnyOrderOfStrides() throws {
    var numbers = SeededNumbers(state: 15)
    let file = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    for _ in 0..<400 {
      let rank = Int.random(in: 0...5, using: &numbers)
      let width = [1, 2, 4, 8, 16, 3][Int.random(in: 0..<6, using: &numbers)]
      let dimensions = (0..<rank).map { _ in Int.random(in: 1...6, using: &numbers) }
      var strides = [Int](repeating: 0, count: rank)
      var next = Int.random(in: 1...3, using: &numbers)
      for axis in (0..<rank).shuffled(using: &numbers) {
        strides[axis] = Int.random(in: 0..<8, using: &numbers) == 0 ? Int.random(in: 0...5, using: &numbers) : next
        next = max(next, strides[axis] * dimensions[axis] + Int.random(in: 0...2, using: &numbers))
      }
      let reach = zip(dimensions, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
      let offset = Int.random(in: 0...100, using: &numbers)
      guard offset + (reach + 1) * width <= file.count else { continue }
      let source = WeightFile.StridedSource(
        offset: offset, elementByteCount: width, dimensions: dimensions, strides: strides)
      #expect(try copy(source, of: file) == expected(source, of: file), "\(source)")
    }
  }

  @Test func copiesTensorsOfManyTiles() throws {
    let file = (0..<(40 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
    for (dimensions, strides, width) in [
      ([2048, 4096], [1, 2048], 4), ([7, 1024, 1024], [1, 7 * 1024, 7], 4), ([3_000_000, 3], [1, 3_000_000], 4),
      ([3, 3_000_000], [1, 3], 4), ([2, 3, 1 << 20], [3 << 20, 1 << 20, 1], 4), ([1 << 20, 33], [1, 1 << 20], 1),
      ([2500, 4000], [2, 5000], 2), ([5000, 1000], [0, 1], 4), ([4000, 4000], [1, 1], 1),
      ([900, 10], [1000, 100_000], 8),
    ] as [([Int], [Int], Int)] {
      let reach = zip(dimensions, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
      guard (reach + 1) * width <= file.count, isOptimized || dimensions.reduce(1, *) < 100_000 else { continue }
      let source = WeightFile.StridedSource(
        offset: 0, elementByteCount: width, dimensions: dimensions, strides: strides)
      let isRight = try copy(source, of: file) == expected(source, of: file)
      #expect(isRight, "\(source)")
    }
  }

  /// Threads share a tensor by its tiles: each tile is a part of the copy, whoever makes it, and when.
  @Test func tilesAreCopiedInAnyOrder() throws {
    let file = (0..<(24 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
    let source = WeightFile.StridedSource(
      offset: 0, elementByteCount: 4, dimensions: [3072, 2048], strides: [1, 3072])
    let reader = try StridedReader(source)
    #expect(reader.tileCount == 4)
    var result = [UInt8](repeating: 0, count: reader.byteCount)
    for tiles in [[3], [0, 2], [1]] {
      var next = tiles.makeIterator()
      var written = 0
      try reader.copy(
        tiles: { next.next() },
        read: { (offset, buffer) throws(FormatError) in try BufferSource(file).read(at: offset, into: buffer) },
        write: { (bytes, offset) throws(FormatError) in
          result.replaceSubrange(offset..<offset + bytes.count, with: bytes)
          written += bytes.count
        }, progress: { _ throws(FormatError) in })
      #expect(written == tiles.count * (6 << 20))
    }
    // Not compared in the macro: it would look for all that differs in 24 MB.
    let isRight = result == expected(source, of: file)
    #expect(isRight)
    let none = WeightFile.StridedSource(offset: 0, elementByteCount: 4, dimensions: [0, 2], strides: [1, 1])
    #expect(try StridedReader(none).tileCount == 0)
  }

  @Test func stridesOfAxesOfOneElementDoNotMatter() throws {
    let file = [UInt8](0..<64)
    let source = WeightFile.StridedSource(
      offset: 4, elementByteCount: 4, dimensions: [2, 1, 3, 1], strides: [3, 1 << 62, 1, .max])
    #expect(try copy(source, of: file) == Array(file[4..<28]))
    #expect(source.normalized.dimensions == [6] && source.normalized.strides == [1])
  }

  @Test(
    arguments: [
      ([1 << 40, 1 << 40], [1, 1]), ([2, 2], [.max, .max]), ([2], [.max]), ([-1], [1]), ([2], [-1]), ([2, 2], [1]),
      ([.max], [0]), ([3, 3], [1 << 62, 1 << 62]),
    ] as [([Int], [Int])])
  func impossibleNumbersAreAnError(_ dimensions: [Int], _ strides: [Int]) {
    let source = WeightFile.StridedSource(
      offset: 0, elementByteCount: 4, dimensions: dimensions, strides: strides)
    #expect(throws: FormatError.self) { try StridedReader(source) }
  }

  @Test func textIsDecodedAndNumbersAreSwapped() throws {
    let values = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
    let text = Array(String(String.UnicodeScalarView(values.map { UnicodeScalar($0) })).utf8)
    var source = WeightFile.StridedSource(offset: 3, elementByteCount: 1, dimensions: [300], strides: [1])
    source.textByteCount = text.count
    #expect(try copy(source, of: [1, 2, 3] + text) == values)
    source.elementByteCount = 2
    source.dimensions = [3, 50]
    source.strides = [1, 3]
    #expect(
      try copy(source, of: [1, 2, 3] + text)
        == expected(.init(offset: 0, elementByteCount: 2, dimensions: [3, 50], strides: [1, 3]), of: values))
    var swapped = WeightFile.StridedSource(offset: 0, elementByteCount: 4, dimensions: [2], strides: [1])
    swapped.swapWidth = 2
    #expect(try copy(swapped, of: [1, 2, 3, 4, 5, 6, 7, 8]) == [2, 1, 4, 3, 6, 5, 8, 7])
  }

  /// Numbers that come in two pieces of the text, whatever its length: in little memory.
  @Test(arguments: [2, 4, 8]) func largeTextsOfSwappedNumbersAreDecodedPieceByPiece(width: Int) throws {
    let values = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
    var text: [UInt8] = []
    for value in values { text += value < 0x80 ? [value] : [0xC0 | value >> 6, 0x80 | value & 0x3F] }
    var source = WeightFile.StridedSource(
      offset: 0, elementByteCount: width, dimensions: [values.count / width], strides: [1])
    source.textByteCount = text.count
    source.swapWidth = width
    var swapped: [UInt8] = []
    var largest = 0
    try StridedReader(source).copy(
      read: { (offset, buffer) throws(FormatError) in try BufferSource(text).read(at: offset, into: buffer) },
      write: { (bytes, offset) throws(FormatError) in
        #expect(offset == swapped.count)
        swapped += bytes
        largest = max(largest, bytes.count)
      }, progress: { _ throws(FormatError) in })
    var isRight = swapped.count == values.count
    for start in stride(from: 0, to: swapped.count, by: width) where isRight {
      isRight = swapped[start..<start + width].elementsEqual(values[start..<start + width].reversed())
    }
    #expect(isRight)
    #expect(largest <= 1 << 20)
  }

  @Test func whatProgressThrowsEndsTheCopy() throws {
    let file = [UInt8](repeating: 1, count: 1 << 20)
    let source = WeightFile.StridedSource(
      offset: 0, elementByteCount: 1, dimensions: [1 << 10, 1 << 10], strides: [1, 1 << 10])
    var calls = 0
    #expect(throws: FormatError(.limit, "enough")) {
      try StridedReader(source).copy(
        read: { (offset, buffer) throws(FormatError) in try BufferSource(file).read(at: offset, into: buffer) },
        write: { _, _ throws(FormatError) in },
        progress: { _ throws(FormatError) in
          calls += 1
          if calls == 2 { throw FormatError(.limit, "enough") }
        })
    }
    #expect(calls == 2)
  }

  /// Every second element, every fifth, and every hundredth: what lies between is read along, and not each by itself.
  @Test(arguments: [(2, 2), (5, 4), (100, 2)]) func elementsThatLieApartAreReadTogether(step: Int, width: Int) throws {
    let file = [UInt8](repeating: 3, count: 32 << 20)
    let source = WeightFile.StridedSource(
      offset: 0, elementByteCount: width, dimensions: [4, file.count / width / step / 4],
      strides: [file.count / width / 4, step])
    var reads = 0
    try StridedReader(source).copy(
      read: { (offset, buffer) throws(FormatError) in
        reads += 1
        try BufferSource(file).read(at: offset, into: buffer)
      },
      write: { _, _ throws(FormatError) in }, progress: { _ throws(FormatError) in })
    #expect(reads <= 40, "\(reads)")
  }
}
