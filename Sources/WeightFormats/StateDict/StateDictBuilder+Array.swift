import Tensors

/// numpy arrays where a state dict has tensors: they become tensors.
extension StateDictBuilder {
  /// Bytes of an array that is put in order in memory, because it stands in the file as text.
  private static let reorderLimit = 16 << 20

  /// Whether torch has a type for the array's elements, and they can be found in the file.
  func canBeTensor(_ array: PickleArray) throws(FormatError) -> Bool {
    guard let type = array.type, graph.numpyTypes[type].dtype != nil else { return false }
    guard array.bytes.fileOffset != nil else { return array.bytes.count == 0 }
    guard array.bytes.isLatin1Text, array.isFortran else { return true }
    return array.bytes.count <= Self.reorderLimit
  }

  /// Adds an array under a name.
  mutating func add(_ array: PickleArray, named name: String) throws(FormatError) {
    guard let type = array.type.map({ graph.numpyTypes[$0] }), let dtype = type.dtype,
      let dimensions = graph.integers(ofTuple: array.shape)
    else { throw FormatError(.malformed, "the array \(name.printable) is not complete") }
    // An empty array stands nowhere.
    let offset = array.bytes.fileOffset ?? 0
    _ = try enter(name)
    isPlain = false
    try budget.charge(MemoryBudget.allocation + 8 * dimensions.count)
    var descriptor = TensorDescriptor(
      name: name, dtype: dtype, shape: shapes.shape(dimensions), storage: 0, byteCount: array.bytes.count)
    guard array.bytes.count > 0 else {
      descriptor.storage = try storages.listEmpty(at: offset, &budget)
      tensors.append(descriptor)
      return
    }
    var source = WeightFile.StridedSource(
      offset: offset, elementByteCount: type.byteCount, dimensions: dimensions,
      strides: strides(dimensions, isFortran: array.isFortran)
    ).normalized
    if array.bytes.isLatin1Text { source.textByteCount = array.bytes.fileByteCount }
    if type.isBigEndian, type.swapWidth > 1 { source.swapWidth = type.swapWidth }
    descriptor.storage = try storages.listGathered(source, byteCount: array.bytes.count, name: name, &budget)
    tensors.append(descriptor)
  }

  private func strides(_ dimensions: [Int], isFortran: Bool) -> [Int] {
    var strides = [Int](repeating: 0, count: dimensions.count)
    var next = 1
    for axis in isFortran ? Array(dimensions.indices) : dimensions.indices.reversed() {
      strides[axis] = next
      // The size of the array was checked; one without elements has no strides.
      next = next.multipliedReportingOverflow(by: dimensions[axis]).partialValue
    }
    return strides
  }
}
