package import Tensors

/// A tensor that an architecture has: its name, its shape, and how it is filled before training.
package struct TensorSpecification: Sendable, Hashable {
  package var name: String
  package var dtype: DType
  package var shape: Shape
  package var initializer: TensorInitializer

  package init(_ name: String, _ dimensions: [Int], _ initializer: TensorInitializer) {
    self.name = name
    dtype = .float32
    shape = Shape(dimensions)
    self.initializer = initializer
  }
}
