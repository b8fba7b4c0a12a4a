import Tensors

extension TorchLegacyFormat {
  private static let protocolVersion = 1001

  /// Parses the pickles and finds the storages behind them; reads no storage.
  ///
  ///     magic | 1001 | system's properties | objects | sorted storage keys | per key: i64 element count, elements
  ///
  /// Source: `_legacy_save` in torch/serialization.py.
  package func parse(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    try parse(source, for: .weights)
  }

  package func parseStateDict(_ source: any ByteSource) throws(FormatError) -> WeightFile {
    try parse(source, for: .stateDict)
  }

  /// - Parameter purpose: what is read of the pickle of objects.
  func parse(_ source: any ByteSource, for purpose: PicklePurpose) throws(FormatError) -> WeightFile {
    var offset = 0
    var budget = MemoryBudget(MemoryBudget.torchLimit)
    func next(_ what: String, _ dialect: PickleDialect) throws(FormatError) -> PickleGraph {
      let outcome = try PickleMachine.run(
        PickleInput(source, at: offset, what: what), dialect: dialect,
        purpose: dialect == .legacy ? purpose : .weights, budget: &budget)
      offset += outcome.byteCount
      return outcome.graph
    }
    let magic = try next("the magic number", .plain)
    guard case .wideInteger(let digits) = magic.value(magic.root),
      magic.arena.records[digits.range].elementsEqual(TorchLegacyFormat.magic)
    else { throw FormatError(.unrecognized, "the file does not begin with torch's magic number") }
    let version = try next("the protocol version", .plain)
    guard version.value(version.root) == .integer(TorchLegacyFormat.protocolVersion) else {
      throw FormatError(.unsupported, "expected version \(TorchLegacyFormat.protocolVersion) of torch's legacy format")
    }
    try checkSystem(try next("the system's properties", .plain))
    let objects = try next("the objects' pickle", .legacy)
    let keys = try next("the storage keys", .plain)
    try budget.charge(2 * NumberTable.byteCount(objects.storages.count) + 48 * objects.storages.count)
    try checkViews(of: objects)
    let (stored, places) = try storages(keys, of: objects, in: source, from: offset)
    var builder = try StateDictBuilder(
      graph: objects, stored: stored, places: places, fileByteCount: source.byteCount, budget: budget)
    builder.isPlain = false
    for name in objects.foreignNames { builder.extras.add(name, "a program, left out") }
    var file = try builder.build()
    file.programs = objects.foreignNames
    return file
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

  /// torch keeps storages and their parts in one table by key, and takes whatever came first: each key of a part must stand for
  /// one part, and for no whole storage.
  private func checkViews(of graph: PickleGraph) throws(FormatError) {
    guard !graph.views.isEmpty else { return }
    var roots = NumberTable(capacity: graph.storages.count)
    for (index, storage) in graph.storages.enumerated() {
      let key = graph.key(of: storage)
      _ = roots.insert(index, NumberTable.hash(key)) { graph.key(of: graph.storages[$0]).elementsEqual(key) }
    }
    var parts = NumberTable(capacity: graph.views.count)
    for (index, storage) in graph.storages.enumerated() {
      guard let view = graph.view(of: storage) else { continue }
      let key = graph.text(view.key)
      let hash = NumberTable.hash(key)
      guard roots.find(hash, { graph.key(of: graph.storages[$0]).elementsEqual(key) }) == nil else {
        throw FormatError(.malformed, "a part of a storage has the key of a whole one")
      }
      let earlier = parts.insert(index, hash) { other in
        graph.view(of: graph.storages[other]).map { graph.text($0.key).elementsEqual(key) } ?? false
      }
      guard let earlier, let same = graph.view(of: graph.storages[earlier]) else { continue }
      let other = graph.storages[earlier]
      guard same.offset == view.offset, same.elementCount == view.elementCount, other.dtype == storage.dtype,
        graph.key(of: other).elementsEqual(graph.key(of: storage))
      else { throw FormatError(.malformed, "two parts of storages have one key") }
    }
  }

  /// Walks the storages from `offset` to the end of the file.
  ///
  /// - Returns: the storages in the order of the file, and for each storage of the graph its index among them.
  private func storages(
    _ keys: PickleGraph, of graph: PickleGraph, in source: any ByteSource, from offset: Int
  ) throws(FormatError) -> (stored: [StateDictStorages.Stored], places: [UInt32]) {
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
    var stored: [StateDictStorages.Stored] = []
    var places = [UInt32](repeating: .max, count: graph.storages.count)
    var position = offset
    for reference in keys.lists[list] {
      guard case .string(let text) = keys.value(reference) else {
        throw FormatError(.malformed, "a storage key is not a string")
      }
      let key = keys.arena.records[text.range]
      var what: String { "storage " + String(decoding: key.prefix(256), as: UTF8.self).printable }
      let found = table.find(NumberTable.hash(key)) { graph.key(of: graph.storages[$0]).elementsEqual(key) }
      guard let found else { throw FormatError(.malformed, "the file lists a \(what) that no object mentions") }
      guard places[found] == .max else { throw FormatError(.malformed, "\(what) is listed twice") }
      let storage = graph.storages[found]
      let count = try source.bytes(at: position, count: 8, what: "a storage's count").reversed()
        .reduce(0) { $0 << 8 | UInt64($1) }
      position += 8
      guard let elementCount = Int(exactly: count), elementCount == storage.elementCount || storage.isQuantized else {
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
      stored.append(StateDictStorages.Stored(offset: position, byteCount: byteCount))
      position += byteCount
    }
    guard position == source.byteCount else {
      throw FormatError(.malformed, "\(source.byteCount - position) bytes follow the last storage")
    }
    return (stored, first.map { places[Int($0)] })
  }
}
