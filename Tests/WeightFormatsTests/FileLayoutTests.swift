import Testing
import WeightFormats

@Suite struct FileLayoutTests {
  private let storages: [[UInt8]] = [Array(100..<150), [], Array(200..<220)]

  private func makeLayout() -> FileLayout {
    var layout = FileLayout()
    layout.append(literal: [1, 2, 3])
    layout.append(literal: [])
    layout.append(literal: [4])
    layout.append(storage: 0, offset: 10, byteCount: 30)
    layout.append(storage: 1, offset: 0, byteCount: 0)
    layout.append(storage: 2, offset: 0, byteCount: 20)
    layout.append(literal: [5, 6])
    layout.append(storage: 0, offset: 0, byteCount: 50)
    return layout
  }

  private var expected: [UInt8] { [1, 2, 3, 4] + Array(110..<140) + Array(200..<220) + [5, 6] + Array(100..<150) }

  @Test func neighbouringLiteralsAreOneSegmentAndEmptyPiecesNone() {
    let layout = makeLayout()
    #expect(layout.segments.count == 5)
    #expect(layout.segments.first == .literal([1, 2, 3, 4]))
    #expect(layout.byteCount == expected.count)
  }

  @Test func everyRangeIsThatPartOfTheWhole() {
    let layout = makeLayout()
    for lower in 0...expected.count {
      for upper in lower...expected.count {
        #expect(layout.rendered(lower..<upper, storages: storages) == Array(expected[lower..<upper]))
      }
    }
  }

  @Test func rangesAreClampedToTheFile() {
    let layout = makeLayout()
    #expect(layout.rendered(-5..<3, storages: storages) == [1, 2, 3])
    #expect(layout.rendered(expected.count - 2..<Int.max, storages: storages) == [148, 149])
    #expect(layout.rendered(expected.count..<Int.max, storages: storages).isEmpty)
    #expect(FileLayout().rendered(0..<10, storages: storages).isEmpty)
  }

  @Test func manyLiteralBytesAreReadAcrossTheirChunks() {
    var (layout, expected): (FileLayout, [UInt8]) = (FileLayout(), [])
    for count in [5, 3 << 20, 7, 600_000, 600_000, 1] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ expected.count) }
      layout.append(literal: bytes)
      expected += bytes
      layout.append(storage: 2, offset: 5, byteCount: count % 3)
      expected += storages[2][5..<5 + count % 3]
    }
    #expect(layout.byteCount == expected.count)
    #expect(layout.rendered(storages: storages).elementsEqual(expected))
    for boundary in stride(from: 0, through: expected.count, by: 1 << 17) {
      let range = max(0, boundary - 3)..<min(expected.count, boundary + (1 << 16))
      #expect(layout.rendered(range, storages: storages).elementsEqual(expected[range]), "\(range)")
    }
  }

  @Test func aThrowingBodyEndsTheWalk() {
    struct Stop: Error {}
    var calls = 0
    #expect(throws: Stop.self) {
      try makeLayout().forEachPiece(in: 0..<100) { _, _ throws(Stop) in
        calls += 1
        throw Stop()
      }
    }
    #expect(calls == 1)
  }
}
