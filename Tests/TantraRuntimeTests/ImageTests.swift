import TantraRuntime
import Testing

@Suite struct ImageTests {
  private func image(_ width: Int, _ height: Int, _ value: (Int, Int) -> UInt8) -> RasterImage {
    RasterImage(
      width: width, height: height, channels: 1,
      values: (0..<width * height).map { value($0 % width, $0 / width) })
  }

  @Test func aSquareImageOfTheRightSizeStaysAsItIs() {
    let square = image(5, 5) { UInt8($0 * 7 + $1) }
    #expect(square.fitted(side: 5) == square)
  }

  @Test func averagesWhereItShrinks() {
    // Columns of 0 and 200 by turns: a quarter of the size is all grey.
    let stripes = image(64, 64) { x, _ in x % 2 == 0 ? 0 : 200 }
    let small = stripes.fitted(side: 16)
    #expect(small.values.allSatisfy { (90...110).contains($0) }, "\(small.values)")
  }

  @Test func keepsProportionsAndFillsWithTheBordersColour() {
    let wide = image(40, 20) { x, y in (10..<30).contains(x) && (4..<14).contains(y) ? 0 : 250 }
    let square = wide.fitted(side: 20)
    #expect(square.width == 20 && square.height == 20)
    #expect(square.values[0] == 250 && square.values[19 * 20] == 250)
    #expect(square.values[10 * 20 + 10] < 10)
    // As wide as high: 10 columns and 5 rows of ink.
    #expect((0..<20).filter { square.values[10 * 20 + $0] < 125 }.count == 10)
    #expect((0..<20).filter { square.values[$0 * 20 + 10] < 125 }.count == 5)
  }

  @Test func growsASinglePixel() {
    #expect(image(1, 1) { _, _ in 33 }.fitted(side: 7).values.allSatisfy { $0 == 33 })
  }
}
