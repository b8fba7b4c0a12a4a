import Tensors

/// torch's `_metadata` of a state dict.
struct StateDictMetadata {
  /// Fields that it may have in all.
  private static let fieldLimit = 1 << 18

  /// nil if the state dict has none.
  private(set) var modules: [StateDict.ModuleMetadata]?
  /// Whether torch would write it so.
  private(set) var isPlain = true

  /// Reads it from the attributes of a dictionary.
  ///
  /// - Parameter extras: get whatever else was set as an attribute.
  init(
    ofDictionary index: Int, in graph: PickleGraph, _ extras: inout StateDictExtras, _ budget: inout MemoryBudget
  ) throws(FormatError) {
    guard let attributes = graph.dictionaries[index].attributes else { return }
    let items = graph.dictionaries[attributes].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      if case .dictionary(let modules)? = items[position + 1].container,
        case .string(let text) = graph.value(items[position]), graph.text(text, equals: "_metadata")
      {
        self.modules = try read(modules, in: graph, &extras, &budget)
      } else {
        extras.note("(attribute) ", items[position], of: items[position + 1], in: graph)
      }
    }
  }

  private mutating func read(
    _ index: Int, in graph: PickleGraph, _ extras: inout StateDictExtras, _ budget: inout MemoryBudget
  ) throws(FormatError) -> [StateDict.ModuleMetadata] {
    var result: [StateDict.ModuleMetadata] = []
    // One dictionary of fields can stand for many modules, so that what it says is made once and counted each time.
    var knownFields: [Int: [StateDict.ModuleMetadata.Field]] = [:]
    var fieldCount = 0
    if graph.dictionaries[index].kind != .orderedDict || graph.dictionaries[index].attributes != nil { isPlain = false }
    let items = graph.dictionaries[index].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      guard case .string(let path) = graph.value(items[position]),
        case .dictionary(let module)? = items[position + 1].container
      else {
        extras.note("_metadata.", items[position], of: items[position + 1], in: graph)
        continue
      }
      try budget.chargeName(path.byteCount)
      // An entry here, and one in the table of what is known; both grow by copying.
      try budget.charge(2 * (MemoryLayout<StateDict.ModuleMetadata>.stride + 32))
      let label = graph.label(items[position])
      let known = knownFields[module]
      let fields = if let known { known } else { try fields(of: module, path: label, in: graph, &extras, &budget) }
      knownFields[module] = fields
      fieldCount += fields.count + 1
      guard fieldCount <= Self.fieldLimit else {
        throw FormatError(.limit, "the state dict's _metadata has more than \(Self.fieldLimit) fields")
      }
      result.append(StateDict.ModuleMetadata(path: graph.string(path), fields: fields))
    }
    return result
  }

  private mutating func fields(
    of module: Int, path: String, in graph: PickleGraph, _ extras: inout StateDictExtras, _ budget: inout MemoryBudget
  ) throws(FormatError) -> [StateDict.ModuleMetadata.Field] {
    var fields: [StateDict.ModuleMetadata.Field] = []
    if graph.dictionaries[module].kind != .dict { isPlain = false }
    let items = graph.dictionaries[module].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      if case .string(let name) = graph.value(items[position]),
        case .integer(let value) = graph.value(items[position + 1])
      {
        try budget.chargeName(name.byteCount)
        try budget.charge(2 * MemoryLayout<StateDict.ModuleMetadata.Field>.stride + MemoryBudget.allocation)
        fields.append(StateDict.ModuleMetadata.Field(name: graph.string(name), value: value))
      } else {
        extras.note("_metadata." + path + ".", items[position], of: items[position + 1], in: graph)
      }
    }
    return fields
  }
}
