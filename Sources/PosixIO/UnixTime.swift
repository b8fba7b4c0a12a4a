/// Times as numbers of nanoseconds since 1970, of which an `Int64` holds those from 1677 to 2262.
package enum UnixTime {
  /// Nanoseconds since 1970 of a `timespec`; for an earlier or a later time than an `Int64` holds, the earliest or the latest
  /// that it does.
  ///
  /// - Parameter rest: `tv_nsec`, from 0 to 999,999,999.
  package static func nanoseconds(seconds: Int, rest: Int) -> Int64 {
    // Both parts of an early time are made negative, or the product could be too small where the sum is not.
    let isEarly = seconds < 0
    let (product, isProductTooLarge) =
      Int64(isEarly ? seconds + 1 : seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isSumTooLarge) = product.addingReportingOverflow(Int64(isEarly ? rest - 1_000_000_000 : rest))
    return isProductTooLarge || isSumTooLarge ? (isEarly ? .min : .max) : sum
  }

  /// The parts of a `timespec`: `rest` is from 0 to 999,999,999 before 1970, too.
  package static func parts(of nanoseconds: Int64) -> (seconds: Int, rest: Int) {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return rest < 0 ? (Int(seconds) - 1, Int(rest) + 1_000_000_000) : (Int(seconds), Int(rest))
  }
}
