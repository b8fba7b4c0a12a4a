/// Keeps each shape once: of the tensors of a model, which may be a hundred thousand, most have one of a few shapes.
package struct ShapePool: Sendable {
  /// How many shapes are remembered. Real models have fewer; this bounds what a hostile file can cost.
  private static let capacity = 1000

  private var known: Set<Shape> = []

  package init() {}

  /// A shape of those dimensions, which shares its memory with an equal one that was asked for before.
  package mutating func shape(_ dimensions: [Int]) -> Shape {
    let shape = Shape(dimensions)
    if let index = known.firstIndex(of: shape) { return known[index] }
    if known.count < Self.capacity { known.insert(shape) }
    return shape
  }
}
