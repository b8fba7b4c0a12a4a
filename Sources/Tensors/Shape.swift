/// The dimensions of a tensor, outermost first; empty for a scalar.
public struct Shape: Sendable, Hashable, Codable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// Elements along each axis.
  public var dimensions: [Int]

  /// A shape of those dimensions, which are not checked.
  public init(_ dimensions: [Int]) { self.dimensions = dimensions }
  /// `[2, 3]`.
  public init(arrayLiteral elements: Int...) { dimensions = elements }

  /// Reads an array of numbers.
  public init(from decoder: any Decoder) throws {
    dimensions = try decoder.singleValueContainer().decode([Int].self)
  }

  /// Writes an array of numbers.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(dimensions)
  }

  /// Product of the dimensions (1 for a scalar); nil on overflow or a negative dimension.
  ///
  /// A zero anywhere makes the product zero, but dimensions whose product overflows before it are still refused.
  public var elementCount: Int? {
    var product = 1
    for dimension in dimensions {
      guard dimension >= 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      guard !overflow else { return nil }
      product = next
    }
    return product
  }

  /// Strides, in elements, of a contiguous row-major tensor as torch writes them: zero dimensions count as one.
  public var contiguousStrides: [Int] {
    var strides = [Int](repeating: 1, count: dimensions.count)
    var step = 1
    for axis in dimensions.indices.reversed() {
      strides[axis] = step
      step = step.multipliedReportingOverflow(by: max(dimensions[axis], 1)).partialValue
    }
    return strides
  }

  /// `[2, 3]`.
  public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}
