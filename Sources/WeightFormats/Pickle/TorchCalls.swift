import Tensors

/// What calls of torch's own functions make: tensors and parameters. Source: torch/_utils.py and torch/_tensor.py.
enum TorchCalls {
  /// What a function of torch makes.
  ///
  /// - Parameter tuple: index of the tuple of arguments.
  /// - Returns: nil if it is none of these functions, or the arguments are too many, too few or of the wrong kind.
  static func call(
    _ function: PickleGlobal, _ arguments: [PickleValue], _ tuple: Int, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference? {
    switch function {
    case .size:
      guard arguments.count == 1, case .tuple(let index) = arguments[0] else { return nil }
      try heap.charge(heap.graph.elements(ofTuple: index).count)
      return heap.graph.integers(ofTuple: index) == nil ? nil : .size(index)
    case .device:
      guard (1...2).contains(arguments.count), case .string = arguments[0] else { return nil }
      if arguments.count == 2 { guard case .integer = arguments[1] else { return nil } }
      return .device
    case .rebuildTensor where arguments.count == 4:
      return try tensor(arguments, requiresGrad: .boolean(false), dtype: nil, in: &heap)
    case .rebuildTensorV2 where arguments.count == 6 || arguments.count == 7:
      try checkHooks(arguments[5], in: &heap)
      if arguments.count == 7, try changesData(arguments[6], in: heap) {
        return try conjugateOrNegative(tuple, in: &heap)
      }
      return try tensor(arguments, requiresGrad: arguments[4], dtype: nil, in: &heap)
    case .rebuildTensorV3 where arguments.count == 7 || arguments.count == 8:
      guard case .global(.dtype(let dtype)) = arguments[6] else { return nil }
      try checkHooks(arguments[5], in: &heap)
      if arguments.count == 8, try changesData(arguments[7], in: heap) {
        return try conjugateOrNegative(tuple, in: &heap)
      }
      // torch writes such a tensor, but its own _rebuild_tensor_v3 then fails: it sets a storage on a leaf with gradient.
      guard arguments[4] != .boolean(true) else {
        throw heap.error(
          .unsupported, "a tensor of \(dtype.rawValue) that requires a gradient, which torch itself cannot load")
      }
      return try tensor(arguments, requiresGrad: arguments[4], dtype: dtype, in: &heap)
    case .rebuildParameter where arguments.count == 3:
      return try parameter(arguments, attributes: .none, in: &heap)
    case .rebuildParameterWithState where arguments.count == 4:
      return try parameter(arguments, attributes: arguments[3], in: &heap)
    case .rebuildFromType where arguments.count == 4: return try subclassTensor(arguments, in: &heap)
    default: return nil
    }
  }

  private static func conjugateOrNegative(_ tuple: Int, in heap: inout PickleHeap) throws(FormatError)
    -> PickleReference
  {
    try heap.makeOddTensor("a conjugate or negative tensor", tuple)
  }

  /// `_rebuild_tensor*`(storage, offset, size, stride, ...).
  private static func tensor(
    _ arguments: [PickleValue], requiresGrad: PickleValue, dtype: DType?, in heap: inout PickleHeap
  ) throws(FormatError) -> PickleReference {
    guard case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1], offset >= 0,
      let shape = try heap.dimensions(arguments[2]), let strides = try heap.dimensions(arguments[3]),
      heap.graph.elements(ofTuple: shape).count == heap.graph.elements(ofTuple: strides).count,
      case .boolean(let requiresGrad) = requiresGrad
    else { throw heap.error(.malformed, "a tensor whose storage, offset, size, stride or gradient flag is not one") }
    let found: DType
    switch (heap.graph.storages[storage].dtype, dtype) {
    case (let typed?, nil): found = typed
    case (nil, let named?) where !heap.graph.storages[storage].isQuantized: found = named
    default: throw heap.error(.malformed, "a tensor whose dtype and storage class do not go together")
    }
    try checkGradient(requiresGrad, dtype: found, in: heap)
    try heap.chargeMemory(MemoryLayout<PickleTensor>.stride)
    heap.graph.tensors.append(
      PickleTensor(
        dtype: found, storage: storage, offset: offset, shape: shape, strides: strides, requiresGrad: requiresGrad))
    return .tensor(heap.graph.tensors.count - 1)
  }

  private static func parameter(_ arguments: [PickleValue], attributes: PickleValue, in heap: inout PickleHeap)
    throws(FormatError) -> PickleReference
  {
    if case .object(let index) = arguments[0], heap.graph.objects[index].oddTensor != nil { return .object(index) }
    guard case .tensor(let index) = arguments[0], case .boolean(let requiresGrad) = arguments[1] else {
      throw heap.error(.malformed, "a Parameter of something that is not a tensor")
    }
    try checkHooks(arguments[2], in: &heap)
    var tensor = heap.graph.tensors[index]
    try checkGradient(requiresGrad, dtype: tensor.dtype, in: heap)
    tensor.isParameter = true
    tensor.requiresGrad = requiresGrad
    tensor.attributes = try tensorAttributes(attributes, in: &heap)
    try heap.chargeMemory(MemoryLayout<PickleTensor>.stride)
    heap.graph.tensors.append(tensor)
    return .tensor(heap.graph.tensors.count - 1)
  }

  /// `_rebuild_from_type_v2(function, class, arguments, state)`: a tensor with Python attributes.
  private static func subclassTensor(_ arguments: [PickleValue], in heap: inout PickleHeap) throws(FormatError)
    -> PickleReference
  {
    guard case .global(let function) = arguments[0], case .tuple(let index) = arguments[2] else {
      throw heap.error(.forbidden, "a tensor subclass that is not an allowed global")
    }
    var type = arguments[1]
    var attributes = arguments[3]
    if case .foreign = type, heap.purpose == .stateDict {
      // The tensor is as it is stored; what its class makes of it is left out.
      type = .global(function == .rebuildParameter ? .parameterClass : .tensorClass)
      attributes = .none
    }
    guard case .global(let type) = type else {
      throw heap.error(.forbidden, "a tensor subclass that is not an allowed global")
    }
    switch (function, type) {
    case (.rebuildTensor, .tensorClass), (.rebuildTensorV2, .tensorClass), (.rebuildTensorV3, .tensorClass),
      (.rebuildParameter, .parameterClass):
      let inner = heap.values(ofTuple: index, limit: PickleCalls.argumentLimit)
      guard let made = try call(function, inner, index, in: &heap) else {
        throw PickleCalls.refusal(of: function, in: heap)
      }
      if case .tensor(let tensor) = heap.value(made) {
        heap.graph.tensors[tensor].attributes = try tensorAttributes(attributes, in: &heap)
      }
      return made
    case (.inert(let global), .tensorClass) where global.oddTensor != nil,
      (.inert(let global), .parameterClass) where global.oddTensor != nil:
      return try heap.makeOddTensor(global.oddTensor ?? "", index)
    default: throw heap.error(.forbidden, "a tensor of class \(type.path) made by \(function.path)")
    }
  }

  /// torch refuses gradients of numbers that are not real or complex.
  private static func checkGradient(_ requiresGrad: Bool, dtype: DType, in heap: borrowing PickleHeap)
    throws(FormatError)
  {
    guard requiresGrad else { return }
    switch dtype {
    case .bool, .uint8, .uint16, .uint32, .uint64, .int8, .int16, .int32, .int64:
      throw heap.error(.malformed, "a tensor of \(dtype.rawValue) that requires a gradient")
    default: return
    }
  }

  /// Backward hooks: torch writes an empty OrderedDict, once None.
  private static func checkHooks(_ hooks: PickleValue, in heap: inout PickleHeap) throws(FormatError) {
    if hooks == .none { return }
    guard case .dictionary(let index) = hooks, heap.graph.dictionaries[index].isEmpty else {
      throw heap.error(.unsupported, "a tensor with backward hooks")
    }
    heap.graph.dictionaries[index].mustStayEmpty = true
  }

  /// Tensor metadata: whether the conjugate or the negative of the data is meant.
  private static func changesData(_ bits: PickleValue, in heap: borrowing PickleHeap) throws(FormatError) -> Bool {
    if bits == .none { return false }
    guard case .dictionary(let index) = bits else { throw heap.error(.malformed, "a tensor's metadata is not a dict") }
    return !heap.graph.dictionaries[index].isEmpty
  }

  // MARK: Attributes

  /// Properties of `torch.Tensor` (torch 2.13): setting `data`, for one, would replace what the storage holds.
  private static let tensorProperties: Set<String> = [
    "H", "T", "_backward_hooks", "_base", "_cdata", "_grad", "_grad_fn", "_has_symbolic_sizes_strides",
    "_post_accumulate_grad_hooks", "_python_dispatch", "_version", "data", "device", "dtype", "grad", "grad_dtype",
    "grad_fn", "imag", "is_cpu", "is_cuda", "is_ipu", "is_leaf", "is_maia", "is_meta", "is_mkldnn", "is_mps", "is_mtia",
    "is_nested", "is_quantized", "is_sparse", "is_sparse_csr", "is_vulkan", "is_xla", "is_xpu", "itemsize", "layout",
    "mH",
    "mT", "name", "names", "nbytes", "ndim", "output_nr", "real", "requires_grad", "retains_grad", "shape", "volatile",
  ]

  /// The state of a tensor object: None, or a dictionary of attributes.
  private static func tensorAttributes(_ state: PickleValue, in heap: inout PickleHeap) throws(FormatError)
    -> PickleReference
  {
    switch state {
    case .none: return .none
    case .dictionary(let index):
      let copied = try PythonCalls.copyOfAttributes(index, excluding: tensorProperties, in: &heap)
      // A class or function would be called by whoever calls the method that it hides.
      for position in stride(from: 1, to: heap.graph.dictionaries[copied].items.count, by: 2) {
        switch heap.value(heap.graph.dictionaries[copied].items[position]) {
        case .global(let global): throw heap.error(.forbidden, "a tensor with the attribute \(global.path)")
        default: continue
        }
      }
      return .dictionary(copied)
    default: throw heap.error(.forbidden, "a tensor with a state that is not a dict of attributes")
    }
  }
}
