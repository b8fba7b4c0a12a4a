import Tensors

/// What a safetensors header says, read but not yet checked against the file.
struct SafetensorsHeader {
  /// What the header says of one tensor.
  struct Entry {
    /// UTF-8, compared byte by byte: names that differ only in Unicode normalization are different names.
    var name: [UInt8]
    var type: SafetensorsDType
    /// As in the header: `F4` counts 4-bit elements.
    var shape: [Int]
    /// First byte of the tensor, counted from the end of the header.
    var begin: Int
    /// Byte after the tensor's last.
    var end: Int

    /// The name, in quotes, for messages.
    var label: String { SafetensorsHeader.quoted(name) }
  }

  /// Entries in header order; of entries with one name the last, in the place of the first.
  private(set) var entries: [Entry] = []
  /// The first entries of `__metadata__`, in header order.
  private(set) var metadata: [(key: [UInt8], value: [UInt8])] = []
  /// Entries of `__metadata__` beyond those.
  private(set) var moreMetadataCount = 0

  /// Dimensions that a tensor may have, as in torch.
  static let rankLimit = 64
  /// Bytes that a name or a key may have.
  static let nameByteLimit = 1 << 20
  /// Bytes that are kept of a key or value of the metadata.
  static let valueByteLimit = 256
  /// Entries of the metadata that are kept.
  static let metadataLimit = 101
  /// Bytes that a tensor takes beside its name and shape, here and in the description that is made of it.
  private static let entryCost =
    2 * MemoryLayout<Entry>.stride + 8 + 24 + MemoryLayout<TensorDescriptor>.stride
    + MemoryLayout<WeightFile.StorageSource>.stride + 8 + MemoryBudget.allocation

  /// Reads the header `bytes`, which follow the 8 bytes of the length.
  ///
  /// - Throws: `malformed` or `limit`, with the offset in the file, for anything that is not such a header.
  init(_ bytes: [UInt8]) throws(FormatError) {
    var budget = MemoryBudget(MemoryBudget.safetensorsLimit(headerByteCount: bytes.count))
    if let invalid = Self.offsetOfInvalidUTF8(bytes) {
      throw FormatError(
        .malformed,
        "header: expected UTF-8, found a stray byte at offset \(SafetensorsFormat.lengthByteCount + invalid)")
    }
    var reader = JSONReader(validUTF8: bytes, fileOffset: SafetensorsFormat.lengthByteCount)
    var places = NumberTable()
    var shapes = ShapePool()
    var hasMetadata = false
    let metadataKey = Array(SafetensorsFormat.metadataKey.utf8)
    try reader.expect("{")
    if !reader.consume("}") {
      repeat {
        let keyOffset = reader.offset
        let name = try reader.string(maximum: Self.nameByteLimit)
        try reader.expect(":")
        if name == metadataKey {
          guard !hasMetadata else {
            throw FormatError(.malformed, "header: a second \(SafetensorsFormat.metadataKey) at offset \(keyOffset)")
          }
          hasMetadata = true
          try readMetadata(&reader)
        } else {
          var entry = try Self.entry(name, &reader)
          entry.shape = shapes.shape(entry.shape).dimensions
          // The name is kept twice for a moment: as bytes here, and as a string in the description.
          try budget.charge(
            Self.entryCost + 2 * (MemoryBudget.allocation + name.count) + 8 * entry.shape.count)
          if let place = places.insert(entries.count, NumberTable.hash(name), { entries[$0].name == name }) {
            entries[place] = entry
          } else {
            entries.append(entry)
          }
        }
      } while reader.consume(",")
      try reader.expect("}")
    }
    try reader.expectEnd()
  }

  /// Index of the first byte that is not part of valid UTF-8; nil if all are.
  private static func offsetOfInvalidUTF8(_ bytes: [UInt8]) -> Int? {
    do {
      _ = try UTF8Span(validating: bytes.span)
      return nil
    } catch {
      return error.byteOffsets.lowerBound
    }
  }

  /// Reads the value of `__metadata__`: null, or strings by string. What nobody is told of is checked and not kept.
  private mutating func readMetadata(_ reader: inout JSONReader) throws(FormatError) {
    if try reader.consumeNull() { return }
    try reader.expect("{")
    if reader.consume("}") { return }
    repeat {
      let key = try reader.string(keeping: Self.valueByteLimit)
      try reader.expect(":")
      let value = try reader.string(keeping: Self.valueByteLimit)
      if let place = metadata.firstIndex(where: { $0.key == key }) {
        metadata[place].value = value
      } else if metadata.count < Self.metadataLimit {
        metadata.append((key, value))
      } else {
        moreMetadataCount += 1
      }
    } while reader.consume(",")
    try reader.expect("}")
  }

  /// Reads a tensor's dtype, shape and offsets, in any order; other keys are skipped.
  private static func entry(_ name: [UInt8], _ reader: inout JSONReader) throws(FormatError) -> Entry {
    var type: SafetensorsDType?
    var shape: [Int]?
    var range: (begin: Int, end: Int)?
    func once(_ isFirst: Bool, _ key: String, at offset: Int) throws(FormatError) {
      guard isFirst else {
        throw FormatError(.malformed, "tensor \(quoted(name)): a second \(key) at offset \(offset)")
      }
    }
    try reader.expect("{")
    if !reader.consume("}") {
      repeat {
        let keyOffset = reader.offset
        let key = String(decoding: try reader.string(maximum: nameByteLimit), as: UTF8.self)
        try reader.expect(":")
        switch key {
        case "dtype":
          try once(type == nil, key, at: keyOffset)
          let typeName = try reader.string(maximum: nameByteLimit)
          guard let known = SafetensorsDType(rawValue: String(decoding: typeName, as: UTF8.self)) else {
            throw FormatError(
              .malformed, "tensor \(quoted(name)): unknown dtype \(quoted(typeName)) at offset \(keyOffset)")
          }
          type = known
        case "shape":
          try once(shape == nil, key, at: keyOffset)
          shape = try integers(&reader, name)
        case "data_offsets":
          try once(range == nil, key, at: keyOffset)
          let offsets = try integers(&reader, name)
          guard offsets.count == 2 else {
            throw FormatError(
              .malformed,
              "tensor \(quoted(name)): expected 2 data_offsets at offset \(keyOffset), found \(offsets.count)")
          }
          range = (offsets[0], offsets[1])
        default: try reader.skipValue(depth: 2)
        }
      } while reader.consume(",")
      try reader.expect("}")
    }
    guard let type, let shape, let range else {
      let missing = type == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw FormatError(.malformed, "tensor \(quoted(name)): no \(missing) before offset \(reader.offset)")
    }
    return Entry(name: name, type: type, shape: shape, begin: range.begin, end: range.end)
  }

  private static func integers(_ reader: inout JSONReader, _ name: [UInt8]) throws(FormatError) -> [Int] {
    var values: [Int] = []
    try reader.expect("[")
    if reader.consume("]") { return values }
    repeat {
      let offset = reader.offset
      guard let value = Int(exactly: try reader.unsignedInteger()) else {
        throw FormatError(.limit, "tensor \(quoted(name)): the integer at offset \(offset) exceeds 2^63 - 1")
      }
      guard values.count < rankLimit else {
        throw FormatError(
          .limit, "tensor \(quoted(name)): more than \(rankLimit) integers in an array at offset \(offset)")
      }
      values.append(value)
    } while reader.consume(",")
    try reader.expect("]")
    return values
  }

  /// `text` in quotes for a message, shortened if it is very long.
  static func quoted(_ text: [UInt8]) -> String {
    let limit = 200
    return "'" + String(decoding: text.prefix(limit), as: UTF8.self) + (text.count > limit ? "..." : "") + "'"
  }
}
