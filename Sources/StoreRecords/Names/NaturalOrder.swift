/// The order in which people expect versions: runs of digits compare by value, everything else by byte.
package enum NaturalOrder {
  /// Whether `a` comes strictly before `b`; a total order, since ties in value are broken by the bytes.
  package static func precedes(_ a: String, _ b: String) -> Bool {
    let left = a.utf8.span
    let right = b.utf8.span
    var i = 0
    var j = 0
    while i < left.count, j < right.count {
      if isDigit(left[i]), isDigit(right[j]) {
        let first = digits(left, &i)
        let second = digits(right, &j)
        if first.count != second.count { return first.count < second.count }
        let order = compare(left, first, right, second)
        if order != 0 { return order < 0 }
      } else {
        if left[i] != right[j] { return left[i] < right[j] }
        i += 1
        j += 1
      }
    }
    if left.count - i != right.count - j { return i == left.count }
    let order = compare(left, left.indices, right, right.indices)
    return order != 0 ? order < 0 : left.count < right.count
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  /// The run of digits at `index` without leading zeros; moves `index` behind it.
  private static func digits(_ bytes: borrowing Span<UInt8>, _ index: inout Int) -> Range<Int> {
    var start = index
    while index < bytes.count, isDigit(bytes[index]) { index += 1 }
    while start < index, bytes[start] == UInt8(ascii: "0") { start += 1 }
    return start..<index
  }

  /// The first difference of two ranges, as far as both go: negative if the left byte is the smaller, 0 if there is none.
  private static func compare(
    _ left: borrowing Span<UInt8>, _ a: Range<Int>, _ right: borrowing Span<UInt8>, _ b: Range<Int>
  ) -> Int {
    for (i, j) in zip(a, b) where left[i] != right[j] { return Int(left[i]) - Int(right[j]) }
    return 0
  }
}
