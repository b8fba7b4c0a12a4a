import Tensors

extension StateDictBuilder {
  /// Adds a line about what is kept under `key` in the container named by `prefix`.
  mutating func note(
    _ prefix: String, _ key: PickleReference, _ description: String? = nil, of value: PickleReference
  ) {
    if extras.isFull {
      extras.add("", "")
    } else {
      extras.add(prefix + label(key), description ?? describe(value))
    }
  }

  /// Adds a line about what is kept at `path`.
  mutating func note(_ path: String, _ description: String? = nil, of value: PickleReference) {
    if extras.isFull {
      extras.add("", "")
    } else {
      extras.add(path, description ?? describe(value))
    }
  }

  /// A key as part of a line about extras.
  func label(_ key: PickleReference) -> String {
    if case .string(let text) = graph.value(key) { return graph.string(shortened(text)) }
    return describe(key)
  }

  /// A few words about a value, without looking into it: `dict of 2`.
  func describe(_ reference: PickleReference) -> String {
    switch graph.value(reference) {
    case .none: "None"
    case .boolean(let value): value ? "True" : "False"
    case .integer(let value): String(value)
    case .wideInteger(let text): "an integer of \(text.byteCount) bytes"
    case .float(let value): String(value)
    case .string(let text): "\"" + StateDictExtras.printable(graph.string(shortened(text))) + "\""
    case .bytes: "bytes"
    case .bytearray: "bytearray"
    case .complex: "complex"
    case .numpyType(let index): "numpy.dtype \(graph.numpyTypes[index].name)"
    case .array(let index): describe(graph.arrays[index])
    case .object(let index): describe(graph.objects[index])
    case .foreign(let index): "something of the program " + StateDictExtras.printable(graph.foreignNames[index])
    case .unknown: "an object"
    case .set(let list): "set of \(list.map { graph.lists[$0].count } ?? 0)"
    case .size(let index): "torch.Size of \(graph.elements(ofTuple: index).count)"
    case .device: "torch.device"
    case .tuple(let index): "tuple of \(graph.elements(ofTuple: index).count)"
    case .list(let index): "list of \(graph.lists[index].count)"
    case .dictionary(let index): "\(graph.dictionaries[index].kind.name) of \(graph.dictionaries[index].count)"
    case .storage(let index): "storage of \(graph.storages[index].elementCount) elements"
    case .tensor(let index):
      "tensor \(graph.tensors[index].dtype.rawValue) "
        + Shape(graph.integers(ofTuple: graph.tensors[index].shape) ?? []).description
    case .global(let global): global.path
    }
  }

  private func describe(_ array: PickleArray) -> String {
    guard let type = array.type else { return "numpy array of nothing" }
    return "numpy array \(graph.numpyTypes[type].name) " + Shape(graph.integers(ofTuple: array.shape) ?? []).description
  }

  private func describe(_ object: PickleObject) -> String {
    if let kind = object.oddTensor { return kind }
    if object.global == .numpyScalar,
      case .numpyType(let type)? = graph.elements(ofTuple: object.arguments).first
        .map({ graph.value($0) })
    {
      return "numpy scalar \(graph.numpyTypes[type].name)"
    }
    return object.global.path
  }

  /// The first 200 bytes of a text or a little less, whole characters.
  private func shortened(_ text: PickleText) -> PickleText {
    guard text.range.count > 200 else { return text }
    var end = text.range.lowerBound + 200
    // Continuation bytes of UTF-8 begin with the bits 10.
    while end > text.range.lowerBound, graph.arena.records[end] & 0xC0 == 0x80 { end -= 1 }
    return PickleText(text.range.lowerBound..<end)
  }

  /// Lists the attributes of a dictionary that is not the state dict itself.
  mutating func addAttributes(of index: Int, prefix: String) {
    guard let attributes = graph.dictionaries[index].attributes else { return }
    let items = graph.dictionaries[attributes].items
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      note(prefix + "(attribute) ", items[position], of: items[position + 1])
    }
  }
}
