import Tensors

extension StateDictBuilder {
  /// Describes a tensor, and lists the storage that it views, or one of its own if it is not contiguous.
  mutating func descriptor(of tensor: PickleTensor, named name: String) throws(FormatError) -> TensorDescriptor {
    guard let dimensions = graph.integers(ofTuple: tensor.shape),
      let strides = graph.integers(ofTuple: tensor.strides), let width = tensor.dtype.byteWidth
    else { throw FormatError(.malformed, "tensor \(name.printable) has no storage or no shape") }
    try budget.charge(MemoryBudget.allocation + 8 * dimensions.count)
    let shape = shapes.shape(dimensions)
    guard let elementCount = shape.elementCount, let byteCount = tensor.dtype.byteCount(ofElements: elementCount) else {
      throw FormatError(
        .malformed, "tensor \(name.printable) of shape \(shape) is larger than any memory")
    }
    let offset = try graph.byteOffset(of: tensor, name: name)
    var descriptor = TensorDescriptor(
      name: name, dtype: tensor.dtype, shape: shape, storage: 0, byteCount: byteCount, isParameter: tensor.isParameter,
      requiresGrad: tensor.requiresGrad)
    if isContiguous(shape, strides) {
      descriptor.storage = try storages.listStored(tensor.storage, &budget)
      descriptor.byteOffset = offset
    } else {
      let source = WeightFile.StridedSource(
        offset: storages.fileOffset(of: tensor.storage) + offset, elementByteCount: width, dimensions: dimensions,
        strides: strides
      ).normalized
      descriptor.storage = try storages.listGathered(source, byteCount: byteCount, name: name, &budget)
      try storages.listRecord(of: tensor.storage, &budget)
    }
    return descriptor
  }

  private func isContiguous(_ shape: Shape, _ strides: [Int]) -> Bool {
    if shape.dimensions.contains(0) { return true }
    var expected = 1
    for axis in shape.dimensions.indices.reversed() where shape.dimensions[axis] != 1 {
      guard strides[axis] == expected else { return false }
      expected *= shape.dimensions[axis]
    }
    return true
  }
}
