import Tensors

extension StateDictBuilder {
  private static let depthLimit = 64

  /// A container that is being walked, and how far.
  private struct Frame {
    var container: PickleValue
    var position = 0
    var prefix: String
  }

  /// Lists the tensors of `root` in order. Every container is walked once, however often it is referred to.
  mutating func flatten(_ root: PickleValue) throws(FormatError) {
    guard reach.holdsTensors(root) else { return }
    var visited: [PickleValue: String] = [root: ""]
    var frames = [Frame(container: root, prefix: "")]
    while var frame = frames.popLast() {
      guard let (key, value) = entry(of: frame.container, at: frame.position) else { continue }
      frame.position += 1
      let prefix = frame.prefix
      if !frames.isEmpty { isPlain = false }
      frames.append(frame)
      if case .tensor(let tensor) = value {
        if case .string = key {} else { isPlain = false }
        try add(tensor, named: try name(prefix, key))
        continue
      }
      isPlain = false
      guard reach.holdsTensors(value) else {
        note(prefix, key, of: value)
        continue
      }
      if let earlier = visited[value] {
        note(prefix, key, "the same object as " + (earlier.isEmpty ? "the whole" : earlier), of: value)
        continue
      }
      let path = try name(prefix, key)
      guard frames.count < StateDictBuilder.depthLimit else {
        throw FormatError(
          .limit, "containers of tensors are nested more than \(StateDictBuilder.depthLimit) deep")
      }
      visited[value] = StateDictExtras.printable(path)
      if case .dictionary(let index) = value { addAttributes(of: index, prefix: path + ".") }
      frames.append(Frame(container: value, prefix: path + "."))
    }
  }

  /// The dotted name of what is kept under `key`.
  private mutating func name(_ prefix: String, _ key: PickleValue) throws(FormatError) -> String {
    switch key {
    case .string(let text):
      try chargeName(prefix.utf8.count + Int(text.byteCount))
      return prefix + graph.string(text)
    case .integer(let integer):
      try chargeName(prefix.utf8.count + 20)
      return prefix + String(integer)
    default:
      throw FormatError(
        .unsupported, "tensors are kept under the key \(describe(key)), which cannot be part of a name")
    }
  }

  private func entry(of container: PickleValue, at position: Int) -> (key: PickleValue, value: PickleValue)? {
    switch container {
    case .dictionary(let index):
      let dictionary = graph.dictionaries[index]
      guard position < dictionary.count else { return nil }
      return (dictionary.items[2 * position], dictionary.items[2 * position + 1])
    case .list(let index):
      guard position < graph.lists[index].count else { return nil }
      return (.integer(position), graph.lists[index][position])
    case .tuple(let index):
      let elements = graph.elements(ofTuple: index)
      guard position < elements.count else { return nil }
      return (.integer(position), elements[elements.startIndex + position])
    default: return nil
    }
  }

  private mutating func add(_ index: Int, named name: String) throws(FormatError) {
    let tensor = graph.tensors[index]
    // Strings compare by canonical equivalence: names that merely look alike are refused as well.
    guard names.insert(name).inserted else {
      throw FormatError(.malformed, "two tensors are named \(StateDictExtras.printable(name))")
    }
    if let earlier = listedTensors[index] {
      var descriptor = tensors[earlier]
      descriptor.name = name
      descriptor.sameObjectAs = earlier
      tensors.append(descriptor)
      return
    }
    listedTensors[index] = tensors.count
    if !graph.storages[tensor.storage].isOnCPU { isPlain = false }
    if tensor.attributes != .none, !isEmptyDictionary(tensor.attributes) {
      extras.add(name, "attributes: " + describe(tensor.attributes))
    }
    tensors.append(try descriptor(of: tensor, named: name))
  }

  private func isEmptyDictionary(_ value: PickleValue) -> Bool {
    guard case .dictionary(let index) = value else { return false }
    return graph.dictionaries[index].items.isEmpty
  }
}
