import Tensors
import Testing

@Suite struct ShapePoolTests {
  @Test func shapesAreWhatWasAskedForAndEqualOnesShareMemory() {
    var pool = ShapePool()
    // More than are remembered, twice.
    for _ in 0..<2 {
      for size in 0..<3000 { #expect(pool.shape([size, 2]) == Shape([size, 2])) }
    }
    #expect(pool.shape([]) == Shape([]))
    let places = (0..<2).map { _ in pool.shape([7, 2]).dimensions.withUnsafeBufferPointer(\.baseAddress) }
    #expect(places[0] == places[1])
  }
}
