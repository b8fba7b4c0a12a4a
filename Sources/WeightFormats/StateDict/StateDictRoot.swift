/// Where the state dict is in a graph: the root itself, or a value of the dictionaries that wrap it.
struct StateDictRoot {
  /// Keys under which programs keep the state dict of a model.
  private static let wrapperKeys = [
    "state_dict", "model_state_dict", "model_state", "model", "module", "params", "params_ema",
  ]

  let value: PickleReference
  /// Whether it is not the graph's root.
  let isWrapped: Bool

  /// - Parameter extras: get what stands beside the state dict on the way.
  init(of graph: PickleGraph, _ reach: StateDictReach, _ extras: inout StateDictExtras) {
    var root = graph.root
    var path: [String] = []
    // Frameworks wrap at most twice (a model's dictionary in a trainer's); the bound also ends a cycle.
    while path.count < 4, case .dictionary(let index)? = root.container,
      let wrapped = Self.wrapped(in: index, of: graph, reach, isOuter: path.isEmpty)
    {
      let items = graph.dictionaries[index].items
      let prefix = path.map { $0 + "." }.joined()
      for position in stride(from: 0, to: items.count - 1, by: 2) {
        if case .string(let text) = graph.value(items[position]), graph.text(text, equals: wrapped.key) { continue }
        let value = items[position + 1]
        let description = value == wrapped.value ? "the same object as \(prefix)\(wrapped.key)" : nil
        extras.note(prefix, items[position], description, of: value, in: graph)
      }
      extras.noteAttributes(ofDictionary: index, prefix: prefix, in: graph)
      path.append(wrapped.key)
      root = wrapped.value
    }
    (value, isWrapped) = (root, !path.isEmpty)
  }

  /// The one value under a wrapper's key that holds tensors; nil if there is none or a choice.
  ///
  /// Below the outermost dictionary, other values that hold tensors make it a part of the state dict.
  private static func wrapped(
    in index: Int, of graph: PickleGraph, _ reach: StateDictReach, isOuter: Bool
  ) -> (key: String, value: PickleReference)? {
    let items = graph.dictionaries[index].items
    var found: (key: String, value: PickleReference)?
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      let value = items[position + 1]
      if case .dictionary(let inner)? = value.container, inner != index,
        case .string(let text) = graph.value(items[position]),
        let key = wrapperKeys.first(where: { graph.text(text, equals: $0) })
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
