/// What several measurements of one thing say together.
package struct Summary: Codable, Hashable, Sendable {
  package var median: Double
  package var smallest: Double
  package var largest: Double

  /// Summarizes `values`; the median of an even number of values is between the two in the middle. Nil if there are none.
  package init?(_ values: [Double]) {
    let sorted = values.sorted()
    guard let first = sorted.first, let last = sorted.last else { return nil }
    let middle = sorted.count / 2
    median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    smallest = first
    largest = last
  }
}
