import Tensors

/// What values are called in messages.
extension PickleGraph {
  /// A key as part of a line about extras.
  func label(_ key: PickleReference) -> String {
    if case .string(let text) = value(key) { return string(shortened(text)) }
    return describe(key)
  }

  /// A few words about a value, without looking into it: `dict of 2`.
  func describe(_ reference: PickleReference) -> String {
    switch value(reference) {
    case .none: "None"
    case .boolean(let value): value ? "True" : "False"
    case .integer(let value): String(value)
    case .wideInteger(let text): "an integer of \(text.byteCount) bytes"
    case .float(let value): String(value)
    case .string(let text): "\"" + string(shortened(text)).printable + "\""
    case .bytes: "bytes"
    case .bytearray: "bytearray"
    case .complex: "complex"
    case .numpyType(let index): "numpy.dtype \(numpyTypes[index].name)"
    case .array(let index): describe(arrays[index])
    case .object(let index): describe(objects[index])
    case .foreign(let index): "something of the program " + foreignNames[index].printable
    case .unknown: "an object"
    case .set(let list): "set of \(list.map { lists[$0].count } ?? 0)"
    case .size(let index): "torch.Size of \(elements(ofTuple: index).count)"
    case .device: "torch.device"
    case .tuple(let index): "tuple of \(elements(ofTuple: index).count)"
    case .list(let index): "list of \(lists[index].count)"
    case .dictionary(let index): "\(dictionaries[index].kind.name) of \(dictionaries[index].count)"
    case .storage(let index): "storage of \(storages[index].elementCount) elements"
    case .tensor(let index):
      "tensor \(tensors[index].dtype.rawValue) "
        + Shape(integers(ofTuple: tensors[index].shape) ?? []).description
    case .global(let global): global.path
    }
  }

  private func describe(_ array: PickleArray) -> String {
    guard let type = array.type else { return "numpy array of nothing" }
    return "numpy array \(numpyTypes[type].name) " + Shape(integers(ofTuple: array.shape) ?? []).description
  }

  private func describe(_ object: PickleObject) -> String {
    if let kind = object.oddTensor { return kind }
    if object.global == .numpyScalar,
      case .numpyType(let type)? = elements(ofTuple: object.arguments).first
        .map({ value($0) })
    {
      return "numpy scalar \(numpyTypes[type].name)"
    }
    return object.global.path
  }

  /// The first 200 bytes of a text or a little less, whole characters.
  private func shortened(_ text: PickleText) -> PickleText {
    guard text.range.count > 200 else { return text }
    var end = text.range.lowerBound + 200
    // Continuation bytes of UTF-8 begin with the bits 10.
    while end > text.range.lowerBound, arena.records[end] & 0xC0 == 0x80 { end -= 1 }
    return PickleText(text.range.lowerBound..<end)
  }
}
