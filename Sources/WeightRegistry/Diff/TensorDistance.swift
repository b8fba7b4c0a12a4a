/// By how much the values of two tensors of one shape differ, in double precision.
package struct TensorDistance: Sendable, Hashable, Codable {
  /// Elements whose bits differ.
  package var changedElements: Int
  /// Elements that are NaN or infinite in either tensor: they are left out of all figures below.
  package var nonFiniteElements: Int
  /// L2 norm of the difference; nil if it is beyond a double.
  package var norm: Double?
  /// ``norm`` divided by the L2 norm of the first tensor; nil if that is zero or beyond a double.
  package var relativeNorm: Double?
  /// The largest absolute difference; nil if it is beyond a double.
  package var largest: Double?

  /// The distance that `sums` amount to.
  init(_ sums: DistanceSums) {
    func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
    changedElements = sums.changedElements
    nonFiniteElements = sums.nonFiniteElements
    let norm = sums.squaredDifference.squareRoot()
    self.norm = finite(norm)
    relativeNorm =
      sums.squaredFirst > 0 && sums.squaredFirst.isFinite ? finite(norm / sums.squaredFirst.squareRoot()) : nil
    largest = finite(sums.largest)
  }
}
