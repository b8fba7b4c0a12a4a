/// Python attributes that a pickle sets. In Python they can stand in for what an object does or holds, so that names with a
/// meaning are refused.
extension PickleMachine {
  /// Names of `collections.OrderedDict` itself, which an attribute would hide.
  private static let dictionaryMethods: Set<String> = [
    "clear", "copy", "fromkeys", "get", "items", "keys", "move_to_end", "pop", "popitem", "setdefault", "update",
    "values",
  ]

  /// Properties of `torch.Tensor` (torch 2.13): setting `data`, for one, would replace what the storage holds.
  private static let tensorProperties: Set<String> = [
    "H", "T", "_backward_hooks", "_base", "_cdata", "_grad", "_grad_fn", "_has_symbolic_sizes_strides",
    "_post_accumulate_grad_hooks", "_python_dispatch", "_version", "data", "device", "dtype", "grad", "grad_dtype",
    "grad_fn", "imag", "is_cpu", "is_cuda", "is_ipu", "is_leaf", "is_maia", "is_meta", "is_mkldnn", "is_mps", "is_mtia",
    "is_nested", "is_quantized", "is_sparse", "is_sparse_csr", "is_vulkan", "is_xla", "is_xpu", "itemsize", "layout",
    "mH",
    "mT", "name", "names", "nbytes", "ndim", "output_nr", "real", "requires_grad", "retains_grad", "shape", "volatile",
  ]

  /// BUILD: gives an object its state.
  mutating func build() throws(FormatError) {
    let state = try pop()
    guard stack.count > floor, let top = stack.last else { throw underflow() }
    switch value(top) {
    case .dictionary(let target): try buildDictionary(target, value(state))
    case .numpyType(let index): try buildNumpyType(index, value(state))
    case .array(let index): try buildArray(index, value(state))
    case .object(let index): try buildObject(index, state)
    case .foreign: try checkForeign(top)
    default: throw error(.forbidden, "BUILD on an object that takes no state")
    }
  }

  /// Attributes of a dictionary, which is how torch keeps `_metadata`.
  private mutating func buildDictionary(_ target: Int, _ state: PickleValue) throws(FormatError) {
    switch graph.dictionaries[target].kind {
    case .orderedDict, .named: break
    default: throw error(.forbidden, "BUILD on a dictionary that is not an OrderedDict")
    }
    guard case .dictionary(let attributes) = state else {
      throw error(.forbidden, "BUILD with a state that is not a dict")
    }
    guard graph.dictionaries[target].attributes == nil else {
      throw error(.malformed, "a second BUILD on one OrderedDict")
    }
    graph.dictionaries[target].attributes = try copy(attributes, excluding: PickleMachine.dictionaryMethods)
  }

  private mutating func buildObject(_ index: Int, _ state: PickleReference) throws(FormatError) {
    guard case .inert(let global) = graph.objects[index].global else {
      throw error(.forbidden, "BUILD on an object that takes no state")
    }
    switch (global.rule, value(state)) {
    case (.object, .dictionary(let attributes)):
      // An attribute could stand in for the method that takes the next state.
      guard graph.objects[index].state == .none else { throw error(.forbidden, "a second BUILD on one object") }
      graph.objects[index].state = .dictionary(try copy(attributes, excluding: []))
      if global.path == "joblib.numpy_pickle.NumpyArrayWrapper" { try skipArray(attributes) }
    case (.callThenState, .dictionary), (.callThenState, .tuple), (.callThenState, .object):
      try checkGeneratorState(value(state))
      graph.objects[index].state = state
    default: throw error(.forbidden, "BUILD on \(global.path) with a state that no pickler writes")
    }
  }

  /// The state of a tensor object: None, or a dictionary of attributes.
  mutating func tensorAttributes(_ state: PickleValue) throws(FormatError) -> PickleReference {
    switch state {
    case .none: return .none
    case .dictionary(let index):
      let copied = try copy(index, excluding: PickleMachine.tensorProperties)
      // A class or function would be called by whoever calls the method that it hides.
      for position in stride(from: 1, to: graph.dictionaries[copied].items.count, by: 2) {
        switch value(graph.dictionaries[copied].items[position]) {
        case .global(let global): throw error(.forbidden, "a tensor with the attribute \(global.path)")
        default: continue
        }
      }
      return .dictionary(copied)
    default: throw error(.forbidden, "a tensor with a state that is not a dict of attributes")
    }
  }

  /// A copy of a dictionary of attributes: Python copies them too, so that changing the original later changes nothing.
  private mutating func copy(_ index: Int, excluding names: Set<String>) throws(FormatError) -> Int {
    guard !graph.dictionaries[index].isCut else {
      throw error(.limit, "more than \(PickleMachine.judgedElementLimit) attributes")
    }
    let items = graph.dictionaries[index].items
    try chargeCopy(items.count)
    for position in stride(from: 0, to: items.count - 1, by: 2) {
      guard case .string(let text) = value(items[position]), text.byteCount <= 1024 else {
        throw error(.forbidden, "an attribute whose name is not a string")
      }
      let name = string(text)
      guard !names.contains(name), !name.hasPrefix("__") else {
        throw error(.forbidden, "the attribute \(name) may not be set")
      }
    }
    let copy = try makeDictionary(.dict)
    graph.dictionaries[copy].items = items
    return copy
  }
}
