extension StateDictBuilder {
  /// Finds the state dict: the pickle's root, or what it wraps. What stands beside it on the way becomes extras.
  ///
  /// - Returns: the state dict, and the keys that lead to it.
  mutating func stateDictRoot() -> (root: PickleReference, path: [String]) {
    var root = graph.root
    var path: [String] = []
    // Frameworks wrap at most twice (a model's dictionary in a trainer's); the bound also ends a cycle.
    while path.count < 4, case .dictionary(let index)? = root.container,
      let wrapped = wrappedStateDict(in: index, isOuter: path.isEmpty)
    {
      let items = graph.dictionaries[index].items
      let prefix = path.map { $0 + "." }.joined()
      for position in stride(from: 0, to: items.count - 1, by: 2) {
        if case .string(let text) = graph.value(items[position]), graph.text(text, equals: wrapped.key) { continue }
        let value = items[position + 1]
        let description = value == wrapped.value ? "the same object as \(prefix)\(wrapped.key)" : nil
        note(prefix, items[position], description, of: value)
      }
      addAttributes(of: index, prefix: prefix)
      path.append(wrapped.key)
      root = wrapped.value
    }
    return (root, path)
  }

  /// The one value under a wrapper's key that holds tensors; nil if there is none or a choice.
  ///
  /// Below the outermost dictionary, other values that hold tensors make it a part of the state dict.
  private func wrappedStateDict(in index: Int, isOuter: Bool) -> (key: String, value: PickleReference)? {
    let items = graph.dictionaries[index].items
    var found: (key: String, value: PickleReference)?
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      let value = items[position + 1]
      if case .dictionary(let inner)? = value.container, inner != index,
        case .string(let text) = graph.value(items[position]),
        let key = StateDictBuilder.wrapperKeys.first(where: { graph.text(text, equals: $0) })
      {
        guard found?.value != value, reach.holdsTensors(value) else { continue }
        guard found == nil else { return nil }
        found = (key, value)
      } else if !isOuter {
        if value.isTensor { return nil }
        if reach.holdsTensors(value) { return nil }
      }
    }
    return found
  }
}
