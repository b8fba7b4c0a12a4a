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
    var budget = MemoryBudget(MemoryBudget.torchLimit)
    func next(_ what: String, _ dialect: PickleMachine.Dialect) throws(FormatError) -> PickleGraph {
      let outcome = try PickleMachine.run(
        PickleInput(source, at: offset, what: what, budget: budget), dialect: dialect)
      offset += outcome.byteCount
      budget = outcome.budget
      return outcome.graph
    }
    let magic = try next("the magic number", .plain)
    guard case .wideInteger(let digits) = magic.value(magic.root),
      magic.bytes[digits.range].elementsEqual(TorchLegacyFormat.magic)
    else { throw FormatError(.unrecognized, "the file does not begin with torch's magic number") }
    let version = try next("the protocol version", .plain)
    guard version.value(version.root) == .integer(TorchLegacyFormat.protocolVersion) else {
      throw FormatError(.unsupported, "expected version \(TorchLegacyFormat.protocolVersion) of torch's legacy format")
    }
    try checkSystem(try next("the system's properties", .plain))
    let objects = try next("the objects' pickle", .legacy)
    let keys = try next("the storage keys", .plain)
    try budget.charge(NumberTable.byteCount(objects.storages.count) + 48 * objects.storages.count)
    let (stored, places) = try storages(keys, of: objects, in: source, from: offset)
    var builder = try StateDictBuilder(
      graph: objects, stored: stored, places: places, fileByteCount: source.byteCount, budget: budget)
    builder.isPlain = false
    return try builder.build()
  }

  private func checkSystem(_ graph: PickleGraph) throws(FormatError) {
    guard case .dictionary(let index)? = graph.root.container else {
      throw FormatError(.malformed, "the system's properties are not a dictionary")
    }
    let items = graph.dictionaries[index].items
    var isLittleEndian = false
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      guard case .string(let text) = graph.value(items[position]), graph.text(text, equals: "little_endian") else {
        continue
      }
      isLittleEndian = items[position + 1] == .boolean(true)
    }
    guard isLittleEndian else {
      throw FormatError(.unsupported, "the file is not from a little-endian machine, or does not say so")
    }
  }

  /// Walks the storages from `offset` to the end of the file.
  ///
  /// - Returns: the storages in the order of the file, and for each storage of the graph its index among them.
  private func storages(
    _ keys: PickleGraph, of graph: PickleGraph, in source: any ByteSource, from offset: Int
  ) throws(FormatError) -> (stored: [StateDictBuilder.StoredBytes], places: [UInt32]) {
    guard case .list(let list)? = keys.root.container else {
      throw FormatError(.malformed, "the storage keys are not a list")
    }
    // Each key's first storage stands for all of that key; their descriptions are compared later.
    var table = NumberTable(capacity: graph.storages.count)
    let first = graph.storages.indices.map { index in
      let key = graph.key(of: graph.storages[index])
      let earlier = table.insert(index, NumberTable.hash(key)) { graph.key(of: graph.storages[$0]).elementsEqual(key) }
      return UInt32(truncatingIfNeeded: earlier ?? index)
    }
    var stored: [StateDictBuilder.StoredBytes] = []
    var places = [UInt32](repeating: .max, count: graph.storages.count)
    var position = offset
    for reference in keys.lists[list] {
      guard case .string(let text) = keys.value(reference) else {
        throw FormatError(.malformed, "a storage key is not a string")
      }
      let key = keys.bytes[text.range]
      var what: String { "storage " + StateDictExtras.printable(String(decoding: key.prefix(256), as: UTF8.self)) }
      let found = table.find(NumberTable.hash(key)) { graph.key(of: graph.storages[$0]).elementsEqual(key) }
      guard let found else { throw FormatError(.malformed, "the file lists a \(what) that no object mentions") }
      guard places[found] == .max else { throw FormatError(.malformed, "\(what) is listed twice") }
      let storage = graph.storages[found]
      let count = try source.bytes(at: position, count: 8, what: "a storage's count").reversed()
        .reduce(0) { $0 << 8 | UInt64($1) }
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
      places[found] = UInt32(truncatingIfNeeded: stored.count)
      stored.append(StateDictBuilder.StoredBytes(offset: position, byteCount: byteCount))
      position += byteCount
    }
    guard position == source.byteCount else {
      throw FormatError(.malformed, "\(source.byteCount - position) bytes follow the last storage")
    }
    return (stored, first.map { places[Int($0)] })
  }
}
