import TantraRuntime
import Testing

@Suite struct CTCDecoderTests {
  /// Scores whose best classes are given, (steps, 4).
  private func scores(_ best: [Int]) -> [Float] {
    best.flatMap { index in (0..<4).map { $0 == index ? Float(5) : 0 } }
  }

  @Test(arguments: [
    ([0, 1, 1, 0, 1, 2], [1, 1, 2]), ([0, 0, 0], []), ([3, 3, 3], [3]), ([1, 2, 1], [1, 2, 1]), ([], []),
    ([2, 0, 0, 2, 2, 0], [2, 2]),
  ])
  func repeatsCountOnceAndBlanksPart(_ best: [Int], _ expected: [Int]) {
    #expect(CTCDecoder.bestPath(scores(best), classes: 4).map(\.index) == expected)
  }

  @Test func symbolsKnowTheirStepsAndConfidence() throws {
    let symbols = CTCDecoder.bestPath(scores([0, 2, 2, 2, 0, 1]), classes: 4)
    #expect(symbols.map(\.steps) == [1..<4, 5..<6])
    // e^5 / (e^5 + 3)
    #expect(symbols.allSatisfy { abs($0.confidence - 0.98019) < 1e-4 })
  }
}
