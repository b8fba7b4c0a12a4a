package import Tensors

/// What the header of a GGUF file says: keys, and where which tensors are. Every byte of it is checked, and no tensor data is read.
///
///     | "GGUF" | version: u32 | tensors: u64 | keys: u64 | keys | tensor infos | zeros up to the alignment | tensor | ... | tensor |
///
///     key           name: string, type: u32, value
///     tensor info   name: string, dimensions: u32, sizes: u64 each, innermost first, type: u32, offset in the data: u64
///     string        bytes: u64, UTF-8
///
/// The rules are those of llama.cpp's reader (`gguf_init_from_file`), but for names and ranks: gguf-py writes longer names and more
/// dimensions.
package struct GGUFHeader: Sendable {
  /// What the header says of one tensor.
  package struct Tensor: Sendable, Hashable {
    package var name: String
    /// ggml's number of the type.
    package var typeNumber: UInt32
    /// As torch has it, outermost first.
    package var shape: Shape
    /// In the file.
    package var offset: Int
    package var byteCount: Int

    /// nil for a type that is not known here.
    package var type: GGUFType? { GGUFType(rawValue: typeNumber) }
    package var typeName: String { type?.name ?? "type \(typeNumber)" }
  }

  static let mark = Array("GGUF".utf8)

  /// Dimensions that a tensor may have, as in torch.
  private static let rankLimit = 64
  /// Bytes that a name may have.
  private static let nameLimit = 65535
  private static let alignmentKey = "general.alignment"
  /// Bytes that a tensor takes beside its name, here and in the description that is made of it.
  private static let tensorCost =
    MemoryLayout<Tensor>.stride + MemoryLayout<TensorDescriptor>.stride
    + MemoryLayout<WeightFile.StorageSource>.stride
    + 16 + MemoryBudget.allocation

  package private(set) var tensors: [Tensor] = []
  /// `general.architecture`; nil if there is none.
  package private(set) var architecture: String?
  /// The first keys and their values, one line each.
  package private(set) var keyLines: [String] = []
  /// The file offset after the last tensor and the zeros that belong to it.
  package private(set) var end = 0

  private var keyCount = 0
  private var alignment = 32
  private static let lineLimit = 100

  /// Whether a file begins as GGUF files do.
  static func recognizes(_ head: [UInt8]) -> Bool { head.starts(with: mark) }

  /// Reads the header of a file.
  ///
  /// - Throws: `truncated`, `malformed`, `unsupported` or `limit`, with the tensor, key or offset.
  package init(_ source: any ByteSource) throws(FormatError) {
    var budget = MemoryBudget(MemoryBudget.torchLimit)
    var reader = GGUFReader(source)
    guard try reader.bytes(Self.mark.count, "the mark").elementsEqual(Self.mark) else {
      throw FormatError(.malformed, "expected the mark GGUF at offset 0")
    }
    try Self.requireVersion(try reader.number(UInt32.self, "the version"))
    let tensorCount = try reader.number(UInt64.self, "the number of tensors")
    let keyCount = try reader.number(UInt64.self, "the number of keys")
    // A key takes at least 13 bytes, and a tensor 24.
    for (count, least, what) in [(keyCount, 13, "keys"), (tensorCount, 24, "tensors")] {
      guard count <= UInt64(reader.remaining / least) else {
        throw FormatError(
          .truncated, "\(count) \(what) cannot be in the \(reader.remaining) bytes after offset 24")
      }
    }
    try readKeys(Int(keyCount), &reader, &budget)
    try readTensors(Int(tensorCount), &reader, &budget)
    try place(after: reader.offset, fileByteCount: source.byteCount)
  }

  private static func requireVersion(_ version: UInt32) throws(FormatError) {
    if version == 2 || version == 3 { return }
    if version.byteSwapped == 2 || version.byteSwapped == 3 {
      throw FormatError(
        .unsupported,
        "a big-endian GGUF file; convert it with gguf_convert_endian of the gguf package")
    }
    throw FormatError(
      .unsupported,
      "GGUF version \(version), expected 2 or 3; convert the model again with llama.cpp")
  }

  /// Whether every tensor's elements stand for themselves, and there are some.
  package var isStateDict: Bool { !tensors.isEmpty && tensors.allSatisfy { $0.type?.dtype != nil } }

  /// Elements over all tensors; saturates.
  package var parameterCount: Int { tensors.lazy.map(\.shape).elementCount }

  // MARK: Keys

  private mutating func readKeys(
    _ count: Int, _ reader: inout GGUFReader, _ budget: inout MemoryBudget
  ) throws(FormatError) {
    var names: [[UInt8]] = []
    var places = NumberTable()
    for _ in 0..<count {
      let start = reader.offset
      let name = try Self.name("key", &reader)
      guard !name.isEmpty else {
        throw FormatError(.malformed, "a key without a name at offset \(start)")
      }
      try budget.charge(MemoryBudget.allocation + name.count + 8 + 24)
      guard places.insert(names.count, NumberTable.hash(name), { names[$0] == name }) == nil else {
        throw FormatError(.malformed, "a second key \(Self.quoted(name)) at offset \(start)")
      }
      names.append(name)
      try readValue(of: String(decoding: name, as: UTF8.self), &reader)
    }
    if keyCount > Self.lineLimit { keyLines.append("\(keyCount - Self.lineLimit) more keys") }
  }

  private mutating func readValue(of key: String, _ reader: inout GGUFReader) throws(FormatError) {
    let start = reader.offset
    let number = try reader.number(UInt32.self, "key '\(key)'")
    guard let type = GGUFValueType(rawValue: number) else {
      throw FormatError(.malformed, "key '\(key)': unknown type \(number) at offset \(start)")
    }
    let text = try type.readText(of: key, &reader)
    if key == Self.alignmentKey {
      guard type == .uint32, let value = Int(text), value > 0, value & (value - 1) == 0 else {
        throw FormatError(
          .malformed, "key '\(key)': expected a power of two as u32, found \(text) as \(type.name)")
      }
      alignment = value
    }
    if key == "general.architecture", type == .string { architecture = text }
    keyCount += 1
    if keyCount <= Self.lineLimit {
      keyLines.append("\(Self.oneLine(key)) = \(Self.oneLine(text))")
    }
  }

  /// Reads a string that names something.
  private static func name(_ what: String, _ reader: inout GGUFReader) throws(FormatError)
    -> [UInt8]
  {
    let start = reader.offset
    let length = try reader.length("the name of a \(what)")
    guard length <= nameLimit else {
      throw FormatError(
        .limit,
        "the name of a \(what) at offset \(start) has \(length) bytes, more than \(nameLimit)")
    }
    let name = Array(try reader.bytes(length, "the name of a \(what)"))
    do {
      _ = try UTF8Span(validating: name.span)
    } catch {
      throw FormatError(.malformed, "the name of a \(what) at offset \(start) is not UTF-8")
    }
    return name
  }

  /// `text` with control characters replaced by spaces.
  private static func oneLine(_ text: String) -> String {
    String(
      decoding: text.utf8.prefix(300).map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }, as: UTF8.self)
  }

  private static func quoted(_ name: [UInt8]) -> String { SafetensorsHeader.quoted(name) }

  // MARK: Tensors

  private mutating func readTensors(
    _ count: Int, _ reader: inout GGUFReader, _ budget: inout MemoryBudget
  ) throws(FormatError) {
    var places = NumberTable()
    var shapes = ShapePool()
    for _ in 0..<count {
      let start = reader.offset
      let name = try Self.name("tensor", &reader)
      try budget.charge(
        Self.tensorCost + 2 * MemoryBudget.string(name.count) + NumberTable.byteCount(1) - 256)
      let hash = NumberTable.hash(name)
      guard places.insert(tensors.count, hash, { tensors[$0].name.utf8.elementsEqual(name) }) == nil
      else {
        throw FormatError(
          .malformed, "tensor \(Self.quoted(name)): a second one of this name at offset \(start)")
      }
      let dimensions = try Self.dimensions(of: name, &reader)
      try budget.charge(dimensions.count * 8)
      let typeNumber = try reader.number(UInt32.self, "tensor \(Self.quoted(name))")
      let offset = try reader.number(UInt64.self, "tensor \(Self.quoted(name))")
      guard let offset = Int(exactly: offset) else {
        throw FormatError(
          .malformed, "tensor \(Self.quoted(name)): its offset \(offset) is beyond any file")
      }
      tensors.append(
        Tensor(
          name: String(decoding: name, as: UTF8.self), typeNumber: typeNumber,
          shape: shapes.shape(dimensions),
          offset: offset, byteCount: 0))
    }
  }

  private static func dimensions(of name: [UInt8], _ reader: inout GGUFReader) throws(FormatError)
    -> [Int]
  {
    let rank = try reader.number(UInt32.self, "tensor \(quoted(name))")
    guard rank <= rankLimit else {
      throw FormatError(
        .limit, "tensor \(quoted(name)): \(rank) dimensions, more than \(rankLimit)")
    }
    var dimensions: [Int] = []
    for _ in 0..<rank {
      let size = try reader.number(UInt64.self, "tensor \(quoted(name))")
      guard let size = Int(exactly: size) else {
        throw FormatError(.malformed, "tensor \(quoted(name)): a dimension of \(size) elements")
      }
      dimensions.append(size)
    }
    return dimensions.reversed()
  }

  /// Checks that the tensors lie one after the other, each at a multiple of the alignment, and inside the file.
  private mutating func place(after headerEnd: Int, fileByteCount: Int) throws(FormatError) {
    let dataOffset = try aligned(headerEnd)
    var position = dataOffset
    var isKnown = true
    for index in tensors.indices {
      let label = "tensor \(Self.quoted(Array(tensors[index].name.utf8)))"
      let (offset, overflow) = tensors[index].offset.addingReportingOverflow(dataOffset)
      guard !overflow,
        isKnown ? offset == position : offset >= position && (offset - dataOffset) % alignment == 0
      else {
        let found = tensors[index].offset
        let expected = position - dataOffset
        let problem =
          found % alignment != 0
          ? "begins at no multiple of \(alignment)"
          : found < expected ? "overlaps the one before it" : "leaves a hole before it"
        throw FormatError(
          .malformed, "\(label): \(problem): its offset is \(found), expected \(expected)")
      }
      // What a type that is not known here takes is seen from where the next tensor begins.
      if !isKnown { tensors[index - 1].byteCount = offset - tensors[index - 1].offset }
      tensors[index].offset = offset
      let byteCount = try byteCount(of: tensors[index], label)
      isKnown = byteCount != nil
      tensors[index].byteCount = byteCount ?? 0
      let (end, isTooFar) = offset.addingReportingOverflow(byteCount ?? 0)
      guard !isTooFar, end <= fileByteCount else {
        throw FormatError(
          .truncated,
          "\(label) needs \(byteCount ?? 0) bytes at offset \(offset), but the file has \(fileByteCount)"
        )
      }
      position = try aligned(end)
    }
    guard dataOffset <= fileByteCount || tensors.isEmpty else {
      throw FormatError(
        .truncated,
        "the data begins at offset \(dataOffset), but the file has \(fileByteCount) bytes")
    }
    if !isKnown, let last = tensors.indices.last {
      tensors[last].byteCount = fileByteCount - tensors[last].offset
      position = fileByteCount
    }
    end = position
  }

  private func aligned(_ offset: Int) throws(FormatError) -> Int {
    let (sum, overflow) = offset.addingReportingOverflow(alignment - 1)
    guard !overflow else {
      throw FormatError(.malformed, "the alignment \(alignment) leads beyond any file")
    }
    return sum & ~(alignment - 1)
  }

  /// Bytes of a tensor; nil if its type is not known.
  private func byteCount(of tensor: Tensor, _ label: String) throws(FormatError) -> Int? {
    guard let count = tensor.shape.elementCount else {
      throw FormatError(
        .malformed, "\(label): the number of elements of shape \(tensor.shape) overflows")
    }
    guard let type = tensor.type else { return nil }
    let (elements, bytes) = type.block
    guard (tensor.shape.dimensions.last ?? 1) % elements == 0 else {
      throw FormatError(
        .malformed,
        "\(label): rows of shape \(tensor.shape) are no multiple of the \(elements) elements of \(type.name)"
      )
    }
    let (byteCount, overflow) = (count / elements).multipliedReportingOverflow(by: bytes)
    guard !overflow else {
      throw FormatError(
        .malformed, "\(label): the bytes of shape \(tensor.shape) as \(type.name) overflow")
    }
    return byteCount
  }
}
