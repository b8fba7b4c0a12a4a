import Tensors

extension PickleMachine {
  private static let rankLimit = 64
  /// No function takes more than so many; a long tuple that is called often must not be copied each time.
  static let argumentLimit = 9

  /// REDUCE: describes what a call would have returned.
  mutating func reduce() throws(FormatError) {
    let argument = try pop()
    let callee = try pop()
    try push(try call(callee, with: argument))
  }

  /// NEWOBJ: an object of a class.
  mutating func newObject() throws(FormatError) { try reduce() }

  /// NEWOBJ_EX: the same with keywords, of which there must be none.
  mutating func newObjectWithKeywords() throws(FormatError) {
    let keywords = try pop()
    if case .dictionary(let index) = value(keywords), graph.dictionaries[index].isEmpty { return try reduce() }
    guard purpose == .stateDict else { throw error(.forbidden, "an object made with keywords") }
    _ = try pop()
    try checkForeign(try pop())
    try push(.foreign(0))
  }

  /// INST: a class in two lines, and its arguments on the stack.
  mutating func instance() throws(FormatError) {
    let callee = try globalInLines()
    try pushInstance(of: callee, from: try popMark())
  }

  /// OBJ: a class on the stack, and its arguments above it.
  mutating func object() throws(FormatError) {
    let start = try popMark()
    guard start < stack.count else { throw underflow() }
    let callee = stack.remove(at: start)
    try pushInstance(of: callee, from: start)
  }

  private mutating func pushInstance(of callee: PickleReference, from start: Int) throws(FormatError) {
    try makeTuple(from: start)
    let arguments = try pop()
    try push(try call(callee, with: arguments))
  }

  private mutating func call(
    _ callee: PickleReference, with argument: PickleReference
  ) throws(FormatError) -> PickleReference {
    guard case .global(let function) = value(callee) else {
      if callee.isForeign {
        try checkForeign(callee)
        return callee
      }
      throw error(.forbidden, "REDUCE calls an object that is not an allowed global")
    }
    guard case .tuple(let index) = value(argument) else {
      throw error(.forbidden, "REDUCE without a tuple of arguments")
    }
    return try call(function, values(ofTuple: index, limit: Self.argumentLimit), index)
  }

  /// - Parameter tuple: the arguments once more.
  private mutating func call(
    _ function: PickleGlobal, _ arguments: [PickleValue], _ tuple: Int
  ) throws(FormatError) -> PickleReference {
    switch function {
    case .orderedDict: return try orderedDict(arguments)
    case .counter: return try counter(arguments)
    case .defaultDict: return try defaultDict(arguments)
    case .set: return try set(arguments, isFrozen: false)
    case .frozenSet: return try set(arguments, isFrozen: true)
    case .bytes:
      guard arguments.isEmpty else { break }
      return try add(PickleBytes(count: 0, fileByteCount: 0, isLatin1Text: false), isArray: false)
    case .bytearray: return try bytearray(arguments)
    case .encode:
      guard arguments.count == 2, isString(arguments[1], "latin1") else { break }
      return try encoded(arguments[0])
    case .complex:
      guard arguments.count == 2, case .float(let real) = arguments[0], case .float(let imaginary) = arguments[1]
      else { break }
      return try complex(real, imaginary)
    case .reconstructor: return try reconstructed(arguments)
    case .size:
      guard arguments.count == 1, case .tuple(let index) = arguments[0] else { break }
      try charge(graph.elements(ofTuple: index).count)
      guard graph.integers(ofTuple: index, in: arena) != nil else { break }
      return .size(index)
    case .device:
      guard (1...2).contains(arguments.count), case .string = arguments[0] else { break }
      if arguments.count == 2 { guard case .integer = arguments[1] else { break } }
      return .device
    case .numpyType: return try numpyType(arguments)
    case .numpyReconstruct: return try numpyReconstruct(arguments)
    case .numpyScalar: return try numpyScalar(arguments, tuple)
    case .numpyFromBuffer: return try numpyFromBuffer(arguments)
    case .inert(let global): return try inert(global, arguments, tuple)
    case .rebuildTensor where arguments.count == 4:
      return try tensor(arguments, requiresGrad: .boolean(false), dtype: nil)
    case .rebuildTensorV2 where arguments.count == 6 || arguments.count == 7:
      try checkHooks(arguments[5])
      if arguments.count == 7, try changesData(arguments[6]) { return try odd("a conjugate or negative tensor", tuple) }
      return try tensor(arguments, requiresGrad: arguments[4], dtype: nil)
    case .rebuildTensorV3 where arguments.count == 7 || arguments.count == 8:
      guard case .global(.dtype(let dtype)) = arguments[6] else { break }
      try checkHooks(arguments[5])
      if arguments.count == 8, try changesData(arguments[7]) { return try odd("a conjugate or negative tensor", tuple) }
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
    throw error(.forbidden, "a call of \(function.path) with arguments that no pickler writes")
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
    case (nil, let named?) where !graph.storages[storage].isQuantized: found = named
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
  mutating func dimensions(_ value: PickleValue) throws(FormatError) -> Int? {
    switch value {
    case .tuple(let index), .size(let index):
      guard graph.elements(ofTuple: index).count <= PickleMachine.rankLimit else {
        throw error(.limit, "a tensor of more than \(PickleMachine.rankLimit) dimensions")
      }
      guard let integers = graph.integers(ofTuple: index, in: arena), integers.allSatisfy({ $0 >= 0 }) else {
        return nil
      }
      return index
    default: return nil
    }
  }

  private mutating func parameter(
    _ arguments: [PickleValue], attributes: PickleValue
  ) throws(FormatError) -> PickleReference {
    if case .object(let index) = arguments[0], graph.objects[index].oddTensor != nil { return .object(index) }
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
    guard case .global(let function) = arguments[0], case .tuple(let index) = arguments[2] else {
      throw error(.forbidden, "a tensor subclass that is not an allowed global")
    }
    var type = arguments[1]
    var attributes = arguments[3]
    if case .foreign = type, purpose == .stateDict {
      // The tensor is as it is stored; what its class makes of it is left out.
      type = .global(function == .rebuildParameter ? .parameterClass : .tensorClass)
      attributes = .none
    }
    guard case .global(let type) = type else {
      throw error(.forbidden, "a tensor subclass that is not an allowed global")
    }
    switch (function, type) {
    case (.rebuildTensor, .tensorClass), (.rebuildTensorV2, .tensorClass), (.rebuildTensorV3, .tensorClass),
      (.rebuildParameter, .parameterClass):
      let made = try call(function, values(ofTuple: index, limit: Self.argumentLimit), index)
      if case .tensor(let tensor) = value(made) {
        graph.tensors[tensor].attributes = try tensorAttributes(attributes)
      }
      return made
    case (.inert(let global), .tensorClass) where global.oddTensor != nil,
      (.inert(let global), .parameterClass) where global.oddTensor != nil:
      return try odd(global.oddTensor ?? "", index)
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
    guard case .dictionary(let index) = hooks, graph.dictionaries[index].isEmpty else {
      throw error(.unsupported, "a tensor with backward hooks")
    }
    graph.dictionaries[index].mustStayEmpty = true
  }

  /// Tensor metadata: whether the conjugate or the negative of the data is meant.
  private func changesData(_ bits: PickleValue) throws(FormatError) -> Bool {
    if bits == .none { return false }
    guard case .dictionary(let index) = bits else { throw error(.malformed, "a tensor's metadata is not a dict") }
    return !graph.dictionaries[index].isEmpty
  }
}
