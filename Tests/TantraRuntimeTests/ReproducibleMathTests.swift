import Foundation
import TantraRuntime
import Testing

@Suite struct ReproducibleMathTests {
  @Test func logarithmAgreesWithTheSystemsToAFewUlps() {
    var x = 1e-12
    while x < 1e12 {
      #expect(abs(ReproducibleMath.logarithm(x) - log(x)) <= 4e-16 * max(1, abs(log(x))), "\(x)")
      x *= 1.0173
    }
    #expect(ReproducibleMath.logarithm(1) == 0)
  }

  @Test func exponentialAgreesWithTheSystems() {
    for step in -2000...2000 {
      let x = Double(step) / 100
      #expect(abs(ReproducibleMath.exponential(x) / exp(x) - 1) <= 1e-15 * max(1, abs(x)), "\(x)")
    }
    #expect(ReproducibleMath.exponential(0) == 1)
  }

  @Test func softplusUndoesItsInverse() {
    for step in 1...1000 {
      let y = Double(step) / 1000
      #expect(abs(log1p(exp(ReproducibleMath.inverseSoftplus(y))) / y - 1) <= 4e-15, "\(y)")
    }
  }

  @Test func generatorGivesThePublishedSequence() {
    // First outputs of SplitMix64 from state 1234567.
    var generator = SplitMix64(state: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    #expect(expected.map { _ in generator.next() } == expected)
  }
}
