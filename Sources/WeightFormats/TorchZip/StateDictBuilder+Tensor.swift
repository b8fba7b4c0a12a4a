import Tensors

extension StateDictBuilder {
  /// Describes a tensor, and lists the storage that it views, or one of its own if it is not contiguous.
  mutating func descriptor(of tensor: PickleTensor, named name: String) throws(FormatError) -> TensorDescriptor {
    let storage = graph.storages[tensor.storage]
    let key = graph.string(storage.key)
    guard let bytes = stored[key], let dimensions = graph.integers(ofTuple: tensor.shape),
      let strides = graph.integers(ofTuple: tensor.strides), let width = tensor.dtype.byteWidth
    else { throw FormatError(.malformed, "tensor \(StateDictExtras.printable(name)) has no storage or no shape") }
    let shape = Shape(dimensions)
    guard let elementCount = shape.elementCount, let byteCount = tensor.dtype.byteCount(ofElements: elementCount) else {
      throw FormatError(
        .malformed, "tensor \(StateDictExtras.printable(name)) of shape \(shape) is larger than any memory")
    }
    let offset = try byteOffset(of: tensor, name: name)
    var descriptor = TensorDescriptor(
      name: name, dtype: tensor.dtype, shape: shape, storage: 0, byteCount: byteCount, isParameter: tensor.isParameter,
      requiresGrad: tensor.requiresGrad)
    if isContiguous(shape, strides) {
      descriptor.storage = list(key, bytes)
      descriptor.byteOffset = offset
    } else {
      let source = WeightFile.StridedSource(
        offset: bytes.offset + offset, elementByteCount: width, dimensions: dimensions, strides: strides)
      descriptor.storage = try list(source, byteCount: byteCount, name: name)
    }
    return descriptor
  }

  /// Where the tensor's first element is in its storage, after checking that its last one is inside too.
  ///
  /// - Parameter name: nil if the tensor has no part in the state dict.
  @discardableResult
  func byteOffset(of tensor: PickleTensor, name: String?) throws(FormatError) -> Int {
    let storage = graph.storages[tensor.storage]
    let shape = Shape(graph.integers(ofTuple: tensor.shape) ?? [])
    let strides = graph.integers(ofTuple: tensor.strides) ?? []
    let width = tensor.dtype.byteWidth ?? 1
    // A view's tensors count from the view's beginning, and end with it. The sizes of storages and views were checked.
    let base = (storage.view?.offset ?? 0) * storage.elementByteCount
    let byteLimit = (storage.view?.elementCount ?? storage.elementCount) * storage.elementByteCount
    var last = tensor.offset
    var overflow = false
    if !shape.dimensions.contains(0) {
      for (dimension, stride) in zip(shape.dimensions, strides) {
        let (reach, tooFar) = (dimension - 1).multipliedReportingOverflow(by: stride)
        let (sum, tooLarge) = last.addingReportingOverflow(reach)
        last = sum
        overflow = overflow || tooFar || tooLarge
      }
      let (end, tooLarge) = last.addingReportingOverflow(1)
      last = end
      overflow = overflow || tooLarge
    }
    let (end, tooLarge) = last.multipliedReportingOverflow(by: width)
    guard !overflow, !tooLarge, end <= byteLimit else {
      throw FormatError(
        .malformed,
        "tensor \(StateDictExtras.printable(name ?? "beside the state dict")) of shape \(shape), strides \(strides) and offset \(tensor.offset) does "
          + "not fit in storage \(graph.string(storage.key)) of \(byteLimit) bytes")
    }
    return base + tensor.offset * width
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

  /// The index of the storage `key`, which is listed with the first contiguous tensor that views it.
  private mutating func list(_ key: String, _ bytes: StoredBytes) -> Int {
    if let index = listedStorages[key] { return index }
    listedStorages[key] = storageSizes.count
    storageSizes.append(bytes.byteCount)
    sources.append(.range(offset: bytes.offset, byteCount: bytes.byteCount))
    checksums.append(bytes.crc32)
    return storageSizes.count - 1
  }

  /// The index of a storage gathered from `source`; tensors that look at the same elements share it.
  private mutating func list(
    _ source: WeightFile.StridedSource, byteCount: Int, name: String
  ) throws(FormatError) -> Int {
    if let index = listedGathers[source] { return index }
    guard byteCount <= gatherBudget else {
      throw FormatError(
        .limit,
        "tensor \(StateDictExtras.printable(name)) repeats its elements: it would take \(byteCount) bytes written out, "
          + "beyond four times the file's size")
    }
    gatherBudget -= byteCount
    listedGathers[source] = storageSizes.count
    storageSizes.append(byteCount)
    sources.append(.strided(source))
    checksums.append(nil)
    return storageSizes.count - 1
  }
}
