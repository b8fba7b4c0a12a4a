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
    var types: [SafetensorsDType] = []
    types.reserveCapacity(tensors.count)
    for tensor in tensors { types.append(try type(of: tensor)) }

    // The header's length, eight bytes, comes first.
    var literal = [UInt8](repeating: 0, count: 8)
    literal.reserveCapacity(tensors.count * 96)
    literal.append(contentsOf: "{\"\(Self.metadataKey)\":{\"format\":\"pt\"}".utf8)
    var layout = FileLayout()
    let order = fileOrder(tensors, types)
    var position = 0
    for index in order {
      let tensor = tensors[index]
      let (end, overflow) = position.addingReportingOverflow(tensor.byteCount)
      guard !overflow, end <= StateDict.maximumLayoutByteCount else {
        throw FormatError(.limit, "tensor '\(tensor.name)' would end beyond \(StateDict.maximumLayoutByteCount) bytes")
      }
      append(tensor, types[index], range: position..<end, to: &literal)
      position = end
    }
    literal.append(UInt8(ascii: "}"))
    while literal.count % 8 != 0 { literal.append(UInt8(ascii: " ")) }
    let headerByteCount = literal.count - 8
    guard headerByteCount <= Self.maximumHeaderByteCount else {
      throw FormatError(
        .limit,
        "the header would have \(headerByteCount) bytes, more than the \(Self.maximumHeaderByteCount) of safetensors")
    }
    var length: [UInt8] = []
    length.append(littleEndian: UInt64(headerByteCount))
    literal.replaceSubrange(0..<8, with: length)
    layout.reserve(segmentCount: tensors.count + 1, literalByteCount: 0)
    layout.append(literal: literal)
    for index in order {
      let tensor = tensors[index]
      layout.append(storage: tensor.storage, offset: tensor.byteOffset, byteCount: tensor.byteCount)
    }
    return layout
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
    let ranks = types.map(\.rank)
    let names = tensors.map { Array($0.name.utf8) }
    return tensors.indices.sorted { a, b in
      guard ranks[a] == ranks[b] else { return ranks[a] > ranks[b] }
      return names[a].withUnsafeBufferPointer { left in
        names[b].withUnsafeBufferPointer { right in left.lexicographicallyPrecedes(right) }
      }
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
