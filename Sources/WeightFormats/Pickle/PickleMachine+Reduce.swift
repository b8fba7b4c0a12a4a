import Tensors

extension PickleMachine {
  private static let rankLimit = 64

  /// REDUCE: describes what a call would have returned.
  mutating func reduce() throws(FormatError) {
    let argument = value(try pop())
    let callee = value(try pop())
    guard case .global(let function) = callee else {
      throw error(.forbidden, "REDUCE calls an object that is not an allowed global")
    }
    guard case .tuple(let index) = argument else { throw error(.forbidden, "REDUCE without a tuple of arguments") }
    // No function takes more than eight; a long tuple that is called often must not be copied each time.
    let arguments = values(ofTuple: index, limit: 9)
    try push(try call(function, arguments))
  }

  private mutating func call(
    _ function: PickleGlobal, _ arguments: [PickleValue]
  ) throws(FormatError) -> PickleReference {
    switch function {
    case .orderedDict: return try orderedDict(arguments)
    case .counter: return try counter(arguments)
    case .set: return try set(arguments)
    case .bytearray: return try bytearray(arguments)
    case .encode:
      guard arguments.count == 2, case .string(let text) = arguments[0], isString(arguments[1], "latin1") else { break }
      try checkLatin1(text)
      return .bytes
    case .complex:
      guard arguments.count == 2, case .float = arguments[0], case .float = arguments[1] else { break }
      return .complex
    case .size:
      guard arguments.count == 1, case .tuple(let index) = arguments[0] else { break }
      try charge(graph.elements(ofTuple: index).count)
      guard graph.integers(ofTuple: index, in: input.bytes) != nil else { break }
      return .size(index)
    case .device:
      guard (1...2).contains(arguments.count), case .string = arguments[0] else { break }
      if arguments.count == 2 { guard case .integer = arguments[1] else { break } }
      return .device
    case .rebuildTensor where arguments.count == 4:
      return try tensor(arguments, requiresGrad: .boolean(false), dtype: nil)
    case .rebuildTensorV2 where arguments.count == 6 || arguments.count == 7:
      try checkHooks(arguments[5])
      if arguments.count == 7 { try checkBits(arguments[6]) }
      return try tensor(arguments, requiresGrad: arguments[4], dtype: nil)
    case .rebuildTensorV3 where arguments.count == 7 || arguments.count == 8:
      guard case .global(.dtype(let dtype)) = arguments[6] else { break }
      try checkHooks(arguments[5])
      if arguments.count == 8 { try checkBits(arguments[7]) }
      // torch writes such a tensor, but its own _rebuild_tensor_v3 then fails: it sets a storage on a leaf with gradient.
      guard arguments[4] != .boolean(true) else {
        throw error(
          .unsupported, "a tensor of \(dtype.rawValue) that requires a gradient, which torch itself cannot load")
      }
      return try tensor(arguments, requiresGrad: arguments[4], dtype: dtype)
    case .rebuildParameter where arguments.count == 3: return try parameter(arguments, attributes: .none)
    case .rebuildParameterWithState where arguments.count == 4:
      return try parameter(arguments, attributes: arguments[3])
    case .rebuildFromType where arguments.count == 4: return try subclassTensor(arguments)
    default: break
    }
    throw error(.forbidden, "a call of \(function.path) with arguments that torch does not write")
  }

  /// `_rebuild_tensor*`(storage, offset, size, stride, ...).
  private mutating func tensor(
    _ arguments: [PickleValue], requiresGrad: PickleValue, dtype: DType?
  ) throws(FormatError) -> PickleReference {
    guard case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1], offset >= 0,
      let shape = try dimensions(arguments[2]), let strides = try dimensions(arguments[3]),
      graph.elements(ofTuple: shape).count == graph.elements(ofTuple: strides).count,
      case .boolean(let requiresGrad) = requiresGrad
    else { throw error(.malformed, "a tensor whose storage, offset, size, stride or gradient flag is not one") }
    let found: DType
    switch (graph.storages[storage].dtype, dtype) {
    case (let typed?, nil): found = typed
    case (nil, let named?): found = named
    default: throw error(.malformed, "a tensor whose dtype and storage class do not go together")
    }
    try checkGradient(requiresGrad, dtype: found)
    try input.budget.charge(MemoryLayout<PickleTensor>.stride)
    graph.tensors.append(
      PickleTensor(
        dtype: found, storage: storage, offset: offset, shape: shape, strides: strides, requiresGrad: requiresGrad))
    return .tensor(graph.tensors.count - 1)
  }

  /// Index of the tuple, if it is one of at most 64 integers and none is negative.
  private mutating func dimensions(_ value: PickleValue) throws(FormatError) -> Int? {
    switch value {
    case .tuple(let index), .size(let index):
      guard graph.elements(ofTuple: index).count <= PickleMachine.rankLimit else {
        throw error(.limit, "a tensor of more than \(PickleMachine.rankLimit) dimensions")
      }
      guard let integers = graph.integers(ofTuple: index, in: input.bytes), integers.allSatisfy({ $0 >= 0 }) else {
        return nil
      }
      return index
    default: return nil
    }
  }

  private mutating func parameter(
    _ arguments: [PickleValue], attributes: PickleValue
  ) throws(FormatError) -> PickleReference {
    guard case .tensor(let index) = arguments[0], case .boolean(let requiresGrad) = arguments[1] else {
      throw error(.malformed, "a Parameter of something that is not a tensor")
    }
    try checkHooks(arguments[2])
    var tensor = graph.tensors[index]
    try checkGradient(requiresGrad, dtype: tensor.dtype)
    tensor.isParameter = true
    tensor.requiresGrad = requiresGrad
    tensor.attributes = try tensorAttributes(attributes)
    try input.budget.charge(MemoryLayout<PickleTensor>.stride)
    graph.tensors.append(tensor)
    return .tensor(graph.tensors.count - 1)
  }

  /// `_rebuild_from_type_v2(function, class, arguments, state)`: a tensor with Python attributes.
  private mutating func subclassTensor(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    guard case .global(let function) = arguments[0], case .global(let type) = arguments[1],
      case .tuple(let index) = arguments[2]
    else { throw error(.forbidden, "a tensor subclass that is not an allowed global") }
    switch (function, type) {
    case (.rebuildTensor, .tensorClass), (.rebuildTensorV2, .tensorClass), (.rebuildTensorV3, .tensorClass),
      (.rebuildParameter, .parameterClass):
      let made = try call(function, values(ofTuple: index, limit: 9))
      if case .tensor(let tensor) = value(made) {
        graph.tensors[tensor].attributes = try tensorAttributes(arguments[3])
      }
      return made
    default: throw error(.forbidden, "a tensor of class \(type.path) made by \(function.path)")
    }
  }

  /// torch refuses gradients of numbers that are not real or complex.
  private func checkGradient(_ requiresGrad: Bool, dtype: DType) throws(FormatError) {
    guard requiresGrad else { return }
    switch dtype {
    case .bool, .uint8, .uint16, .uint32, .uint64, .int8, .int16, .int32, .int64:
      throw error(.malformed, "a tensor of \(dtype.rawValue) that requires a gradient")
    default: return
    }
  }

  /// Backward hooks: torch writes an empty OrderedDict, once None.
  private mutating func checkHooks(_ hooks: PickleValue) throws(FormatError) {
    if hooks == .none { return }
    guard case .dictionary(let index) = hooks, graph.dictionaries[index].items.isEmpty else {
      throw error(.unsupported, "a tensor with backward hooks")
    }
    graph.dictionaries[index].mustStayEmpty = true
  }

  /// Tensor metadata: says whether the conjugate or the negative of the data is meant.
  private func checkBits(_ bits: PickleValue) throws(FormatError) {
    if bits == .none { return }
    guard case .dictionary(let index) = bits, graph.dictionaries[index].items.isEmpty else {
      throw error(.unsupported, "a tensor that is the conjugate or negative of its data")
    }
  }

  /// `OrderedDict()`, or Python 2's `OrderedDict([[key, value], ...])`.
  private mutating func orderedDict(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    var items: [PickleReference] = []
    if let argument = arguments.first {
      guard arguments.count == 1, case .list(let list) = argument else {
        throw error(.forbidden, "a call of collections.OrderedDict with arguments that torch does not write")
      }
      // Growing by pairs, the array may have twice the size that it needs.
      try chargeCopy(4 * graph.lists[list].count)
      for pair in graph.lists[list] {
        let parts: [PickleReference]
        switch value(pair) {
        case .list(let index): parts = Array(graph.lists[index].prefix(3))
        case .tuple(let index): parts = Array(graph.elements(ofTuple: index).prefix(3))
        default: parts = []
        }
        guard parts.count == 2, parts[0].isHashable else {
          throw error(.malformed, "an OrderedDict of something other than pairs")
        }
        items += parts
      }
    }
    let index = try makeDictionary(.orderedDict)
    graph.dictionaries[index].items = items
    return .dictionary(index)
  }

  private mutating func counter(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    var items: [PickleReference] = []
    if let argument = arguments.first {
      guard arguments.count == 1, case .dictionary(let index) = argument else {
        throw error(.forbidden, "a call of collections.Counter with arguments that Python does not write")
      }
      items = graph.dictionaries[index].items
      try chargeCopy(items.count)
    }
    let index = try makeDictionary(.counter)
    graph.dictionaries[index].items = items
    return .dictionary(index)
  }

  private mutating func set(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    guard let argument = arguments.first else { return .set(list: nil) }
    guard arguments.count == 1, case .list(let list) = argument else {
      throw error(.forbidden, "a call of builtins.set with arguments that Python does not write")
    }
    try charge(graph.lists[list].count)
    guard graph.lists[list].allSatisfy(\.isHashable) else {
      throw error(.malformed, "a set element that cannot be hashed")
    }
    return .set(list: list)
  }

  private mutating func bytearray(_ arguments: [PickleValue]) throws(FormatError) -> PickleReference {
    switch (arguments.count, arguments.first) {
    case (0, _): return .bytearray
    case (1, .bytes?): return .bytearray
    case (2, .string(let text)?) where isString(arguments[1], "latin-1"):
      try checkLatin1(text)
      return .bytearray
    default: throw error(.forbidden, "a call of builtins.bytearray with arguments that Python does not write")
    }
  }

  private mutating func checkLatin1(_ text: PickleText) throws(FormatError) {
    try charge(text.range.count / 16)
    // In UTF-8, what lies beyond U+00FF begins with a byte above C3.
    guard input.bytes[text.range].allSatisfy({ $0 <= 0xC3 }) else {
      throw error(.malformed, "bytes whose characters are not Latin-1")
    }
  }
}
