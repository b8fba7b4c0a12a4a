import Tensors

extension TorchLegacyFormat {
  private static let protocolVersion = 1001

  /// Parses the pickles and finds the storages behind them; reads no storage.
  ///
  ///     magic | 1001 | system's properties | objects | sorted storage keys | per key: i64 element count, elements
  ///
  /// Source: `_legacy_save` in torch/serialization.py.
  package func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    var offset = 0
    func next(_ what: String, _ dialect: PickleMachine.Dialect) throws(FormatError) -> PickleGraph {
      let input = PickleInput(source, at: offset, what: what)
      let (graph, byteCount) = try PickleMachine.run(input, dialect: dialect)
      offset += byteCount
      return graph
    }
    let magic = try next("the magic number", .plain)
    guard case .wideInteger(let digits) = magic.root, magic.bytes[digits.range].elementsEqual(TorchLegacyFormat.magic)
    else { throw FormatError(.unrecognized, "the file does not begin with torch's magic number") }
    let version = try next("the protocol version", .plain)
    guard version.root == .integer(TorchLegacyFormat.protocolVersion) else {
      throw FormatError(.unsupported, "expected version \(TorchLegacyFormat.protocolVersion) of torch's legacy format")
    }
    try checkSystem(try next("the system's properties", .plain))
    let objects = try next("the objects' pickle", .legacy)
    let keys = try storageKeys(try next("the storage keys", .plain))
    let stored = try storages(keys, of: objects, in: source, from: offset)
    var builder = StateDictBuilder(graph: objects, stored: stored, fileByteCount: source.byteCount)
    builder.isPlain = false
    return try builder.build()
  }

  private func checkSystem(_ graph: PickleGraph) throws(FormatError) {
    guard case .dictionary(let index) = graph.root else {
      throw FormatError(.malformed, "the system's properties are not a dictionary")
    }
    let items = graph.dictionaries[index].items
    var isLittleEndian = false
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      guard case .string(let text) = items[position], graph.text(text, equals: "little_endian") else { continue }
      isLittleEndian = items[position + 1] == .boolean(true)
    }
    guard isLittleEndian else {
      throw FormatError(.unsupported, "the file is not from a little-endian machine, or does not say so")
    }
  }

  private func storageKeys(_ graph: PickleGraph) throws(FormatError) -> [String] {
    guard case .list(let index) = graph.root else { throw FormatError(.malformed, "the storage keys are not a list") }
    var keys: [String] = []
    for value in graph.lists[index] {
      guard case .string(let text) = value else { throw FormatError(.malformed, "a storage key is not a string") }
      // Longer ones cannot be in the objects' pickle, so this keeps the message short.
      keys.append(text.byteCount <= 256 ? graph.string(text) : "of more than 256 bytes")
    }
    return keys
  }

  /// Walks the storages from `offset` to the end of the file.
  private func storages(
    _ keys: [String], of graph: PickleGraph, in source: any ByteSource, from offset: Int
  ) throws(FormatError) -> [String: StateDictBuilder.StoredBytes] {
    var described: [String: PickleStorage] = [:]
    for storage in graph.storages { described[graph.string(storage.key)] = storage }
    var stored: [String: StateDictBuilder.StoredBytes] = [:]
    var position = offset
    for key in keys {
      guard let storage = described[key] else {
        throw FormatError(.malformed, "the file lists a storage \(key.debugDescription) that no object mentions")
      }
      let what = "storage \(key)"
      let count = try source.bytes(at: position, count: 8, what: what).reversed().reduce(0) { $0 << 8 | UInt64($1) }
      position += 8
      guard let elementCount = Int(exactly: count), elementCount == storage.elementCount else {
        throw FormatError(
          .malformed, "\(what) is said to have \(count) elements, but the pickle says \(storage.elementCount)")
      }
      let (byteCount, overflow) = elementCount.multipliedReportingOverflow(by: storage.elementByteCount)
      guard !overflow, byteCount <= source.byteCount - position else {
        throw FormatError(
          .truncated,
          "\(what) needs \(elementCount) elements at offset \(position), but the file ends at \(source.byteCount)")
      }
      let bytes = StateDictBuilder.StoredBytes(offset: position, byteCount: byteCount)
      guard stored.updateValue(bytes, forKey: key) == nil else {
        throw FormatError(.malformed, "\(what) is listed twice")
      }
      position += byteCount
    }
    guard position == source.byteCount else {
      throw FormatError(.malformed, "\(source.byteCount - position) bytes follow the last storage")
    }
    return stored
  }
}
