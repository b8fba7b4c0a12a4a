import Tensors

extension StateDictBuilder {
  /// Describes a tensor, and lists the storage that it views, or one of its own if it is not contiguous.
  mutating func descriptor(of tensor: PickleTensor, named name: String) throws(FormatError) -> TensorDescriptor {
    // Storages were checked, so that the place is one.
    let place = Int(places[tensor.storage])
    let bytes = stored[place]
    guard let dimensions = graph.integers(ofTuple: tensor.shape),
      let strides = graph.integers(ofTuple: tensor.strides), let width = tensor.dtype.byteWidth
    else { throw FormatError(.malformed, "tensor \(StateDictExtras.printable(name)) has no storage or no shape") }
    try budget.charge(MemoryBudget.allocation + 8 * dimensions.count)
    let shape = shapes.shape(dimensions)
    guard let elementCount = shape.elementCount, let byteCount = tensor.dtype.byteCount(ofElements: elementCount) else {
      throw FormatError(
        .malformed, "tensor \(StateDictExtras.printable(name)) of shape \(shape) is larger than any memory")
    }
    let offset = try byteOffset(of: tensor, name: name)
    var descriptor = TensorDescriptor(
      name: name, dtype: tensor.dtype, shape: shape, storage: 0, byteCount: byteCount, isParameter: tensor.isParameter,
      requiresGrad: tensor.requiresGrad)
    if isContiguous(shape, strides) {
      descriptor.storage = try list(place)
      descriptor.byteOffset = offset
    } else {
      let source = WeightFile.StridedSource(
        offset: bytes.offset + offset, elementByteCount: width, dimensions: dimensions, strides: strides
      ).normalized
      descriptor.storage = try list(source, byteCount: byteCount, name: name)
      try listRecord(place)
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
    let view = graph.view(of: storage)
    let base = (view?.offset ?? 0) * storage.elementByteCount
    let byteLimit = (view?.elementCount ?? storage.elementCount) * storage.elementByteCount
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
          + "not fit in storage \(graph.keyString(of: storage)) of \(byteLimit) bytes")
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

  /// Bytes that the description of one storage takes.
  private static let storageCost = MemoryLayout<WeightFile.StorageSource>.stride + 16

  /// The index of a stored storage, which is listed with the first contiguous tensor that views it.
  private mutating func list(_ place: Int) throws(FormatError) -> Int {
    if listedStorages[place] > 0 { return Int(listedStorages[place]) - 1 }
    let bytes = stored[place]
    try budget.charge(Self.storageCost)
    storageSizes.append(bytes.byteCount)
    listedStorages[place] = UInt32(truncatingIfNeeded: storageSizes.count)
    sources.append(.range(offset: bytes.offset, byteCount: bytes.byteCount))
    checksums.append(bytes.crc32)
    return storageSizes.count - 1
  }

  /// Lists what the file states of the record that a strided tensor is gathered from.
  private mutating func listRecord(_ place: Int) throws(FormatError) {
    guard let crc32 = stored[place].crc32, !listedRecords[place] else { return }
    listedRecords[place] = true
    try budget.charge(2 * MemoryLayout<WeightFile.RecordChecksum>.stride)
    let offset = stored[place].offset
    recordChecksums.append(
      WeightFile.RecordChecksum(range: offset..<offset + stored[place].byteCount, crc32: crc32))
  }

  /// The index of a storage gathered from `source`; tensors that look at the same elements share it.
  mutating func list(
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
    try budget.charge(
      Self.storageCost + 4 * MemoryLayout<WeightFile.StridedSource>.stride + MemoryBudget.allocation
        + 2 * (MemoryBudget.allocation + 8 * source.dimensions.count))
    listedGathers[source] = storageSizes.count
    storageSizes.append(byteCount)
    sources.append(.strided(source))
    checksums.append(nil)
    return storageSizes.count - 1
  }
}
