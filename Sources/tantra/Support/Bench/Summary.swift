/// What several measurements of one thing say together.
struct Summary: Codable {
  var median: Double
  var smallest: Double
  var largest: Double

  /// Summarizes `values`; nil if there are none.
  init?(_ values: [Double]) {
    let sorted = values.sorted()
    guard let first = sorted.first, let last = sorted.last else { return nil }
    let middle = sorted.count / 2
    median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    smallest = first
    largest = last
  }
}
