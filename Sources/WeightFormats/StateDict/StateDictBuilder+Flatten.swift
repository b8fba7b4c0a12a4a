import Tensors

extension StateDictBuilder {
  private static let depthLimit = 64

  /// A container that is being walked, and how far.
  private struct Frame {
    var container: PickleReference
    var position = 0
    var prefix: String
  }

  /// Lists the tensors of `root` in order. Every container is walked once, however often it is referred to.
  mutating func flatten(_ root: PickleReference) throws(FormatError) {
    guard reach.holdsTensors(root) else { return }
    if case .dictionary(let index)? = root.container { try checkKeys(of: index) }
    var visited: [PickleReference: String] = [root: ""]
    var frames = [Frame(container: root, prefix: "")]
    while var frame = frames.popLast() {
      guard let (key, value) = entry(of: frame.container, at: frame.position) else { continue }
      frame.position += 1
      let prefix = frame.prefix
      if !frames.isEmpty { isPlain = false }
      frames.append(frame)
      if value.isTensor, case .tensor(let tensor) = graph.value(value) {
        if !isString(key) { isPlain = false }
        try add(tensor, named: try name(prefix, key))
        continue
      }
      isPlain = false
      if case .key(let key) = key, case .array(let index) = graph.value(value), try canBeTensor(graph.arrays[index]) {
        try add(graph.arrays[index], named: try name(prefix, .key(key)))
        continue
      }
      guard reach.holdsTensors(value) else {
        switch key {
        case .key(let key): extras.note(prefix, key, of: value, in: graph)
        case .position(let position): extras.note(prefix + String(position), of: value, in: graph)
        }
        continue
      }
      if let earlier = visited[value] {
        let description = "the same object as " + (earlier.isEmpty ? "the whole" : earlier)
        switch key {
        case .key(let key): extras.note(prefix, key, description, of: value, in: graph)
        case .position(let position): extras.note(prefix + String(position), description, of: value, in: graph)
        }
        continue
      }
      let path = try name(prefix, key)
      guard frames.count < Self.depthLimit else {
        throw FormatError(
          .limit, "containers of tensors are nested more than \(Self.depthLimit) deep")
      }
      try budget.charge(512)
      visited[value] = path.printable
      if case .dictionary(let index)? = value.container {
        try checkKeys(of: index)
        extras.noteAttributes(ofDictionary: index, prefix: path + ".", in: graph)
      }
      frames.append(Frame(container: value, prefix: path + "."))
    }
  }

  /// What an entry of a container is kept under: a key, or a position in a list or tuple.
  private enum Key {
    case key(PickleReference)
    case position(Int)
  }

  private func isString(_ key: Key) -> Bool {
    guard case .key(let reference) = key, case .string = graph.value(reference) else { return false }
    return true
  }

  /// The dotted name of what is kept under `key`.
  private mutating func name(_ prefix: String, _ key: Key) throws(FormatError) -> String {
    let value: PickleValue
    switch key {
    case .key(let reference): value = graph.value(reference)
    case .position(let position): value = .integer(position)
    }
    switch value {
    case .string(let text):
      guard text.isWhole else { throw FormatError(.limit, "a name has \(text.byteCount) bytes") }
      try budget.chargeName(prefix.utf8.count + text.byteCount)
      return prefix + graph.string(text)
    case .integer(let integer):
      try budget.chargeName(prefix.utf8.count + 20)
      return prefix + String(integer)
    default:
      throw FormatError(.unsupported, "tensors are kept under a key that is neither a string nor an integer")
    }
  }

  private func entry(of container: PickleReference, at position: Int) -> (key: Key, value: PickleReference)? {
    switch container.container {
    case .dictionary(let index)?:
      let dictionary = graph.dictionaries[index]
      guard position < dictionary.count else { return nil }
      return (.key(dictionary.items[2 * position]), dictionary.items[2 * position + 1])
    case .list(let index)?:
      guard position < graph.lists[index].count else { return nil }
      return (.position(position), graph.lists[index][position])
    case .tuple(let index)?:
      let elements = graph.elements(ofTuple: index)
      guard position < elements.count else { return nil }
      return (.position(position), elements[elements.startIndex + position])
    default: return nil
    }
  }

  /// Keys that may equal a string, such as numpy's, could stand for a tensor of that name.
  private func checkKeys(of index: Int) throws(FormatError) {
    let items = graph.dictionaries[index].items
    for position in stride(from: 0, to: items.count, by: 2) where items[position].isOpaqueKey {
      throw FormatError(.unsupported, "a dictionary of tensors has the key \(graph.describe(items[position]))")
    }
  }

  /// Notes the name of the next tensor.
  mutating func enter(_ name: String) throws(FormatError) -> Int {
    try budget.charge(MemoryLayout<TensorDescriptor>.stride + 24)
    let number = tensors.count
    let earlier = names.insert(number, NumberTable.hash(name.utf8)) { other in
      // Byte by byte: names that differ only in Unicode normalization are different, as they are to Python.
      tensors[other].name.utf8.elementsEqual(name.utf8)
    }
    guard earlier == nil else {
      throw FormatError(.malformed, "two tensors are named \(name.printable)")
    }
    return number
  }

  private mutating func add(_ index: Int, named name: String) throws(FormatError) {
    let tensor = graph.tensors[index]
    let number = try enter(name)
    if listedTensors[index] > 0 {
      let earlier = Int(listedTensors[index]) - 1
      var descriptor = tensors[earlier]
      descriptor.name = name
      descriptor.sameObjectAs = earlier
      tensors.append(descriptor)
      return
    }
    listedTensors[index] = UInt32(truncatingIfNeeded: number + 1)
    if !graph.storages[tensor.storage].isOnCPU { isPlain = false }
    if tensor.attributes != .none, !isEmptyDictionary(tensor.attributes) {
      extras.add(name, "attributes: " + graph.describe(tensor.attributes))
    }
    tensors.append(try descriptor(of: tensor, named: name))
  }

  private func isEmptyDictionary(_ value: PickleReference) -> Bool {
    guard case .dictionary(let index)? = value.container else { return false }
    return graph.dictionaries[index].items.isEmpty
  }
}
