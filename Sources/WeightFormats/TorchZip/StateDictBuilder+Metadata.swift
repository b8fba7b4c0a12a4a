import Tensors

extension StateDictBuilder {
  /// Fields that a `_metadata` may have in all.
  private static let fieldLimit = 1 << 18

  /// torch's `_metadata` of the state dict; whatever else was set as an attribute becomes an extra.
  mutating func moduleMetadata(of index: Int) throws(FormatError) -> [StateDict.ModuleMetadata]? {
    guard let attributes = graph.dictionaries[index].attributes else { return nil }
    var metadata: [StateDict.ModuleMetadata]?
    let items = graph.dictionaries[attributes].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      if case .dictionary(let modules)? = items[position + 1].container,
        case .string(let text) = graph.value(items[position]), graph.text(text, equals: "_metadata")
      {
        metadata = try moduleMetadata(modules)
      } else {
        note("(attribute) ", items[position], of: items[position + 1])
      }
    }
    return metadata
  }

  private mutating func moduleMetadata(_ index: Int) throws(FormatError) -> [StateDict.ModuleMetadata] {
    var result: [StateDict.ModuleMetadata] = []
    // One dictionary of fields can stand for many modules, so that what it says is made once and counted each time.
    var known: [Int: [StateDict.ModuleMetadata.Field]] = [:]
    var fieldCount = 0
    if graph.dictionaries[index].kind != .orderedDict || graph.dictionaries[index].attributes != nil { isPlain = false }
    let items = graph.dictionaries[index].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      guard case .string(let path) = graph.value(items[position]),
        case .dictionary(let module)? = items[position + 1].container
      else {
        note("_metadata.", items[position], of: items[position + 1])
        continue
      }
      try chargeName(path.byteCount)
      // An entry here, and one in the table of what is known; both grow by copying.
      try budget.charge(2 * (MemoryLayout<StateDict.ModuleMetadata>.stride + 32))
      let fields =
        if let fields = known[module] { fields } else { try fields(of: module, path: label(items[position])) }
      known[module] = fields
      fieldCount += fields.count + 1
      guard fieldCount <= StateDictBuilder.fieldLimit else {
        throw FormatError(.limit, "the state dict's _metadata has more than \(StateDictBuilder.fieldLimit) fields")
      }
      result.append(StateDict.ModuleMetadata(path: graph.string(path), fields: fields))
    }
    return result
  }

  private mutating func fields(of module: Int, path: String) throws(FormatError) -> [StateDict.ModuleMetadata.Field] {
    var fields: [StateDict.ModuleMetadata.Field] = []
    if graph.dictionaries[module].kind != .dict { isPlain = false }
    let items = graph.dictionaries[module].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      if case .string(let name) = graph.value(items[position]),
        case .integer(let value) = graph.value(items[position + 1])
      {
        try chargeName(name.byteCount)
        try budget.charge(2 * MemoryLayout<StateDict.ModuleMetadata.Field>.stride + MemoryBudget.allocation)
        fields.append(StateDict.ModuleMetadata.Field(name: graph.string(name), value: value))
      } else {
        note("_metadata." + path + ".", items[position], of: items[position + 1])
      }
    }
    return fields
  }
}
