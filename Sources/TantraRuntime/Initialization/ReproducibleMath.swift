/// Logarithm and exponential whose every bit is the same on every machine.
///
/// IEEE 754 fixes the results of +, -, *, / and square root, but not those of a C library's `log` and `exp`, which differ
/// in the last bit from one library to the next. These use the fixed operations only, in a fixed order, with an error of a
/// few units in the last place of a Double: far below what rounding to Float leaves. Swift never fuses `a * b + c`.
package enum ReproducibleMath {
  /// The Double nearest to the natural logarithm of 2.
  private static let logarithmOf2 = 0.6931471805599453

  /// Natural logarithm of a positive, normal, finite `x`.
  ///
  /// x = m * 2^e with m in (sqrt(1/2), sqrt(2)]; log m = 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1). As
  /// |s| < 0.172, thirteen terms leave less than 2^-66.
  package static func logarithm(_ x: Double) -> Double {
    var mantissa = x.significand
    var exponent = Double(x.exponent)
    if mantissa > 1.4142135623730951 {
      mantissa /= 2
      exponent += 1
    }
    let s = (mantissa - 1) / (mantissa + 1)
    let square = s * s
    var sum = 0.0
    for divisor in stride(from: 25.0, through: 1.0, by: -2.0) { sum = sum * square + 1 / divisor }
    return exponent * logarithmOf2 + 2 * s * sum
  }

  /// e^x for |x| <= 700.
  ///
  /// x = n log 2 + r with |r| < 0.347; the Taylor series of e^r to r^16 leaves less than 2^-70.
  package static func exponential(_ x: Double) -> Double {
    let power = (x / logarithmOf2).rounded(.toNearestOrEven)
    let rest = x - power * logarithmOf2
    var sum = 1.0
    for divisor in stride(from: 16.0, through: 1.0, by: -1.0) { sum = 1 + rest / divisor * sum }
    return Double(sign: .plus, exponent: Int(power), significand: sum)
  }

  /// The b with log(1 + e^b) = y, for 0 < y <= 1: y + log(1 - e^-y).
  ///
  /// 1 - e^-y is summed as y (1 - y/2 (1 - y/3 (...))), which loses nothing for small y.
  package static func inverseSoftplus(_ y: Double) -> Double {
    var sum = 1.0
    for divisor in stride(from: 20.0, through: 2.0, by: -1.0) { sum = 1 - y / divisor * sum }
    return y + logarithm(y * sum)
  }
}
