import TantraBench
import Testing

@Suite struct FiguresTests {
  @Test func theMedianIsInTheMiddle() {
    #expect(Summary([]) == nil)
    let odd = Summary([5, 1, 3])
    #expect(odd?.median == 3 && odd?.smallest == 1 && odd?.largest == 5)
    #expect(Summary([4, 1, 2, 9])?.median == 3)
  }

  @Test(arguments: [
    (0, 2, "0.00"), (0.005, 2, "0.01"), (-1.239, 2, "-1.24"), (12.04, 1, "12.0"), (7.5, 0, "8"),
    (Double.infinity, 0, "1000000000000000"), (1e300, 3, "1000000000000.000"),
  ])
  func numbersHaveTheDigitsAskedFor(value: Double, digits: Int, expected: String) {
    #expect(FixedPoint.text(value, digits) == expected)
  }

  @Test func largeRatiosHaveNoFraction() {
    #expect(FixedPoint.ratio(1.256) == "1.26" && FixedPoint.ratio(123.4) == "123")
  }

  @Test func linesHaveNamesOfTheirOwn() {
    let names = BenchRun.allLineNames
    #expect(names.count > 20 && Set(names).count == names.count)
  }
}
