package import Tensors

extension SafetensorsFormat {
  /// The file that `safetensors.torch.save_file(stateDict, path, metadata={"format": "pt"})` writes, byte for byte.
  ///
  /// Tensors that share a storage are written each on its own. `checksums` are not needed.
  ///
  /// - Throws: `unsupported` for a dtype that safetensors lacks, or a tensor named `__metadata__`.
  package func layout(of stateDict: StateDict, checksums: [StorageChecksum]) throws(FormatError) -> FileLayout {
    try stateDict.checkForLayout(checksumCount: checksums.count)
    let tensors = stateDict.tensors
    let plan = try plan(of: tensors)
    // The header's length, eight bytes, comes first.
    var literal = [UInt8](repeating: 0, count: Self.lengthByteCount)
    literal.reserveCapacity(tensors.count * 96)
    literal.append(contentsOf: Self.opening)
    try forEachRange(of: tensors, in: plan.order) { index, range in
      append(tensors[index], plan.types[index], range: range, to: &literal)
    }
    literal.append(UInt8(ascii: "}"))
    let dataOffset = try dataOffset(afterHeaderEndingAt: literal.count)
    literal.append(contentsOf: repeatElement(UInt8(ascii: " "), count: dataOffset - literal.count))
    var length: [UInt8] = []
    length.append(littleEndian: UInt64(dataOffset - Self.lengthByteCount))
    literal.replaceSubrange(0..<Self.lengthByteCount, with: length)
    var layout = FileLayout()
    layout.reserve(segmentCount: tensors.count + 1)
    layout.append(literal: literal)
    for index in plan.order {
      let tensor = tensors[index]
      layout.append(storage: tensor.storage, offset: tensor.byteOffset, byteCount: tensor.byteCount)
    }
    return layout
  }

  package func byteCount(of stateDict: StateDict) throws(FormatError) -> Int {
    try stateDict.checkForLayout(checksumCount: stateDict.storageSizes.count)
    let tensors = stateDict.tensors
    let plan = try plan(of: tensors)
    var headerEnd = Self.lengthByteCount + Self.opening.count + 1
    var entry: [UInt8] = []
    let data = try forEachRange(of: tensors, in: plan.order) { index, range in
      entry.removeAll(keepingCapacity: true)
      append(tensors[index], plan.types[index], range: range, to: &entry)
      headerEnd += entry.count
    }
    return try dataOffset(afterHeaderEndingAt: headerEnd) + data
  }

  /// The header's beginning; a closing brace and spaces end it.
  private static let opening = Array("{\"\(metadataKey)\":{\"format\":\"pt\"}".utf8)

  /// The types of the tensors, and the order in which they stand in the file.
  private func plan(of tensors: [TensorDescriptor]) throws(FormatError) -> (types: [SafetensorsDType], order: [Int]) {
    var types: [SafetensorsDType] = []
    types.reserveCapacity(tensors.count)
    for tensor in tensors { types.append(try type(of: tensor)) }
    return (types, fileOrder(tensors, types))
  }

  /// Says where each tensor lies among the data, and returns where the data ends.
  @discardableResult
  private func forEachRange(
    of tensors: [TensorDescriptor], in order: [Int], _ body: (_ index: Int, _ range: Range<Int>) -> Void
  ) throws(FormatError) -> Int {
    var position = 0
    for index in order {
      let (end, overflow) = position.addingReportingOverflow(tensors[index].byteCount)
      guard !overflow, end <= StateDict.maximumLayoutByteCount else {
        throw FormatError(
          .limit, "tensor '\(tensors[index].name)' would end beyond \(StateDict.maximumLayoutByteCount) bytes")
      }
      body(index, position..<end)
      position = end
    }
    return position
  }

  /// Where the data begins: at a multiple of eight bytes.
  private func dataOffset(afterHeaderEndingAt end: Int) throws(FormatError) -> Int {
    let offset = (end + 7) / 8 * 8
    let headerByteCount = offset - Self.lengthByteCount
    guard headerByteCount <= Self.maximumHeaderByteCount else {
      throw FormatError(
        .limit,
        "the header would have \(headerByteCount) bytes, more than the \(Self.maximumHeaderByteCount) of safetensors")
    }
    return offset
  }

  private func type(of tensor: TensorDescriptor) throws(FormatError) -> SafetensorsDType {
    guard let type = SafetensorsDType(tensor.dtype) else {
      throw FormatError(.unsupported, "tensor '\(tensor.name)': safetensors has no dtype \(tensor.dtype.rawValue)")
    }
    guard tensor.name != Self.metadataKey else {
      throw FormatError(.unsupported, "tensor '\(tensor.name)': safetensors reserves this name")
    }
    if tensor.dtype == .float4E2M1x2 {
      guard let last = tensor.shape.dimensions.last, last <= Int.max / 2 else {
        throw FormatError(
          .unsupported,
          "tensor '\(tensor.name)': safetensors cannot hold \(tensor.dtype.rawValue) of shape \(tensor.shape)")
      }
    }
    return type
  }

  /// Indices of the tensors by descending rank of their dtypes, then by the UTF-8 of their names.
  private func fileOrder(_ tensors: [TensorDescriptor], _ types: [SafetensorsDType]) -> [Int] {
    tensors.indices.sorted { a, b in
      guard types[a].rank == types[b].rank else { return types[a].rank > types[b].rank }
      return tensors[a].name.utf8.precedes(tensors[b].name.utf8)
    }
  }

  /// Appends `,"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}`.
  private func append(
    _ tensor: TensorDescriptor, _ type: SafetensorsDType, range: Range<Int>, to header: inout [UInt8]
  ) {
    header.append(UInt8(ascii: ","))
    JSONEscape.append(tensor.name, to: &header)
    header.append(contentsOf: ":{\"dtype\":\"".utf8)
    header.append(contentsOf: type.rawValue.utf8)
    header.append(contentsOf: "\",\"shape\":[".utf8)
    let last = tensor.shape.dimensions.count - 1
    for (axis, dimension) in tensor.shape.dimensions.enumerated() {
      if axis > 0 { header.append(UInt8(ascii: ",")) }
      // A packed pair counts as two elements here; `type(of:)` made sure that the double fits.
      let written = axis == last && tensor.dtype == .float4E2M1x2 ? dimension * 2 : dimension
      header.append(contentsOf: String(written).utf8)
    }
    header.append(contentsOf: "],\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}".utf8)
  }
}

extension String.UTF8View {
  /// Whether these bytes come before others. No string is copied, unless it is not in one piece.
  fileprivate func precedes(_ other: String.UTF8View) -> Bool {
    let known = withContiguousStorageIfAvailable { left in
      other.withContiguousStorageIfAvailable { right in left.lexicographicallyPrecedes(right) }
    }
    return known.flatMap(\.self) ?? lexicographicallyPrecedes(other)
  }
}
