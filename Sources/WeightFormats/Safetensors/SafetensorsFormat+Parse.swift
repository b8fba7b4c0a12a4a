import Tensors

extension SafetensorsFormat {
  /// Reads the header and checks it against the file's size.
  ///
  /// Tensors come in the order of their bytes; those without bytes that stand at one offset keep the header's order. Each has
  /// a storage of its own. The verdict is that of the reference reader, but for three harmless kinds of header that no
  /// writer produces and that are refused here: a tensor's entry written as an array, a dtype written as an object, and
  /// shapes of empty tensors with dimensions or products beyond 2^63 - 1.
  package func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    let lengthBytes = try source.bytes(at: 0, count: Self.lengthByteCount, what: "the header's length")
    let length = lengthBytes.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    guard let headerByteCount = Int(exactly: length), headerByteCount <= Self.maximumHeaderByteCount else {
      throw FormatError(
        .limit, "the header's length at offset 0 is \(length), more than \(Self.maximumHeaderByteCount) bytes")
    }
    let header = try SafetensorsHeader(
      source.bytes(at: Self.lengthByteCount, count: headerByteCount, what: "the header"))
    let dataOffset = Self.lengthByteCount + headerByteCount
    let (tensors, storages) = try locate(header.entries, dataOffset: dataOffset, fileByteCount: source.byteCount)
    return WeightFile(
      stateDict: StateDict(tensors: tensors, storageSizes: tensors.map(\.byteCount)), storages: storages,
      isPlain: false, extras: extras(header.metadata, moreCount: header.moreMetadataCount))
  }

  /// Puts the entries in file order and checks that they cover the data without holes or overlaps.
  private func locate(
    _ entries: [SafetensorsHeader.Entry], dataOffset: Int, fileByteCount: Int
  ) throws(FormatError) -> ([TensorDescriptor], [WeightFile.StorageSource]) {
    let order = entries.indices.sorted { a, b in
      (entries[a].begin, entries[a].end, a) < (entries[b].begin, entries[b].end, b)
    }
    var tensors: [TensorDescriptor] = []
    var storages: [WeightFile.StorageSource] = []
    tensors.reserveCapacity(entries.count)
    storages.reserveCapacity(entries.count)
    var position = 0
    for index in order {
      let entry = entries[index]
      guard entry.begin == position, entry.end >= entry.begin else {
        let problem =
          entry.end < entry.begin
          ? "ends before it begins" : entry.begin > position ? "leaves a hole before it" : "overlaps the one before it"
        throw FormatError(
          .malformed,
          "tensor \(entry.label): \(problem): data_offsets are [\(entry.begin), \(entry.end)], expected to begin at \(position)"
        )
      }
      guard entry.end <= fileByteCount - dataOffset else {
        throw FormatError(
          .truncated,
          "tensor \(entry.label) needs the file to have \(entry.end) bytes after offset \(dataOffset), "
            + "but it has \(fileByteCount - dataOffset)")
      }
      let (dtype, shape) = try elements(of: entry)
      let byteCount = entry.end - entry.begin
      tensors.append(
        TensorDescriptor(
          name: String(decoding: entry.name, as: UTF8.self), dtype: dtype, shape: shape, storage: tensors.count,
          byteCount: byteCount))
      storages.append(.range(offset: dataOffset + position, byteCount: byteCount))
      position = entry.end
    }
    guard dataOffset + position == fileByteCount else {
      throw FormatError(
        .malformed,
        "\(fileByteCount - dataOffset - position) bytes after the last tensor, at offset \(dataOffset + position)")
    }
    return (tensors, storages)
  }

  /// Checks the shape against the byte count, and turns 4-bit floats into packed pairs where the last dimension allows it.
  private func elements(
    of entry: SafetensorsHeader.Entry
  ) throws(FormatError) -> (DType, Shape) {
    var shape = Shape(entry.shape)
    let dtype = entry.type.dtype
    guard let count = shape.elementCount else {
      throw FormatError(.malformed, "tensor \(entry.label): the number of elements of shape \(shape) overflows")
    }
    guard let byteCount = dtype.byteCount(ofElements: count) else {
      throw FormatError(
        .malformed, "tensor \(entry.label): \(count) elements of \(entry.type.rawValue) are not a whole number of bytes"
      )
    }
    guard byteCount == entry.end - entry.begin else {
      throw FormatError(
        .malformed,
        "tensor \(entry.label): expected \(byteCount) bytes for \(entry.type.rawValue) of shape \(shape), "
          + "found data_offsets [\(entry.begin), \(entry.end)]")
    }
    guard entry.type == .f4, let last = shape.dimensions.last, last % 2 == 0 else { return (dtype, shape) }
    shape.dimensions[shape.dimensions.count - 1] = last / 2
    return (.float4E2M1x2, shape)
  }

  /// One line for each entry of `__metadata__` that a synthesized view does not have.
  private func extras(_ metadata: [(key: [UInt8], value: [UInt8])], moreCount: Int) -> [String] {
    let limit = 100
    let others = metadata.filter { ($0.key, $0.value) != (Array("format".utf8), Array("pt".utf8)) }
    var lines = others.prefix(limit).map { key, value in
      "\(Self.metadataKey): \(oneLine(key)) = \(oneLine(value))"
    }
    let more = others.count - lines.count + moreCount
    if more > 0 { lines.append("\(Self.metadataKey): \(more) more") }
    return lines
  }

  /// `text` with control characters replaced by spaces, and shortened.
  private func oneLine(_ text: [UInt8]) -> String {
    let limit = 200
    let printable = text.prefix(limit).map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
    return String(decoding: printable, as: UTF8.self) + (text.count > limit ? "..." : "")
  }
}
