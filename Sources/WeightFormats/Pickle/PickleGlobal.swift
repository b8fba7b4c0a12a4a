import Tensors

/// A Python global that a pickle of data may name. They are words here: nothing is imported and nothing is called.
///
/// What `torch.load(weights_only=True)` allows (torch/_weights_only_unpickler.py, torch 2.13), numpy's arrays and scalars, and
/// the list of ``InertGlobal``.
enum PickleGlobal: Sendable, Hashable {
  case orderedDict, counter, defaultDict, set, frozenSet, bytes, bytearray, complex, encode, reconstructor
  case numpyType, numpyArrayClass, numpyReconstruct, numpyScalar, numpyFromBuffer
  case inert(InertGlobal)
  case size, device, tensorClass, parameterClass
  case rebuildTensor, rebuildTensorV2, rebuildTensorV3
  case rebuildParameter, rebuildParameterWithState, rebuildFromType
  case dtype(DType)
  case storageClass(DType)
  case untypedStorageClass
  /// A storage of quantized numbers, of so many bytes each.
  case quantizedStorageClass(width: Int)

  /// The index in `numbered` of what `module\nname` names; nil if it is not known for inert.
  static func number(ofPath path: [UInt8]) -> Int? { numbersByPath[ByteString(path)] }

  /// All that are allowed, for references by number.
  static let numbered = Array(Set(allowed.values))

  /// The index in `numbered`.
  var number: Int { PickleGlobal.numbers[self] ?? 0 }

  private static let numbers = Dictionary(
    numbered.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })

  private static let numbersByPath = byPath.mapValues(\.number)

  /// By module, newline and name. Python 2 calls some modules by other names, which Python 3 translates.
  private static let byPath: [ByteString: PickleGlobal] = {
    var table: [ByteString: PickleGlobal] = [:]
    for (path, global) in allowed {
      guard let dot = path.lastIndex(of: ".") else { continue }
      let (module, name) = (path[..<dot], path[path.index(after: dot)...])
      table[ByteString("\(module)\n\(name)")] = global
      if module == "builtins" { table[ByteString("__builtin__\n\(name)")] = global }
      if module == "copyreg" { table[ByteString("copy_reg\n\(name)")] = global }
    }
    for (old, new) in ["xrange": "range", "long": "int", "unicode": "str"] {
      table[ByteString("__builtin__\n\(old)")] = allowed["builtins." + new]
    }
    return table
  }()

  /// `module.name`, as Python 3 has it.
  var path: String {
    switch self {
    case .dtype(let dtype): "torch." + dtype.rawValue
    case .storageClass(let dtype):
      "torch." + (PickleGlobal.storageClasses.first { $0.value == dtype }?.key ?? "Storage")
    case .inert(let global): global.path
    default: PickleGlobal.allowed.first { $0.value == self }?.key ?? "global"
    }
  }

  private static let storageClasses: [String: DType] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
    "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8,
    "BoolStorage": .bool, "ComplexFloatStorage": .complex64, "ComplexDoubleStorage": .complex128,
  ]

  private static let allowed: [String: PickleGlobal] = {
    var globals: [String: PickleGlobal] = [
      "collections.OrderedDict": .orderedDict, "collections.Counter": .counter, "builtins.set": .set,
      "builtins.bytearray": .bytearray, "builtins.complex": .complex, "_codecs.encode": .encode,
      "torch.Size": .size, "torch.device": .device, "torch.Tensor": .tensorClass,
      "torch.nn.parameter.Parameter": .parameterClass, "torch._utils._rebuild_tensor": .rebuildTensor,
      "torch._utils._rebuild_tensor_v2": .rebuildTensorV2, "torch._utils._rebuild_tensor_v3": .rebuildTensorV3,
      "torch._utils._rebuild_parameter": .rebuildParameter,
      "torch._utils._rebuild_parameter_with_state": .rebuildParameterWithState,
      "torch._tensor._rebuild_from_type_v2": .rebuildFromType, "torch.storage.UntypedStorage": .untypedStorageClass,
    ]
    for (name, global) in [
      ("builtins.frozenset", PickleGlobal.frozenSet), ("builtins.bytes", .bytes),
      ("collections.defaultdict", .defaultDict), ("copyreg._reconstructor", .reconstructor),
      ("numpy.dtype", .numpyType), ("numpy.ndarray", .numpyArrayClass), ("numpy.matrix", .numpyArrayClass),
    ] {
      globals[name] = global
    }
    // numpy 2 renamed its core.
    for core in ["numpy.core", "numpy._core"] {
      globals[core + ".multiarray._reconstruct"] = .numpyReconstruct
      globals[core + ".multiarray.scalar"] = .numpyScalar
      globals[core + ".numeric._frombuffer"] = .numpyFromBuffer
    }
    for (name, width) in ["QInt8": 1, "QUInt8": 1, "QInt32": 4, "QUInt4x2": 1, "QUInt2x4": 1] {
      globals["torch.\(name)Storage"] = .quantizedStorageClass(width: width)
    }
    for global in InertGlobal.all where globals[global.path] == nil { globals[global.path] = .inert(global) }
    for (name, dtype) in storageClasses { globals["torch." + name] = .storageClass(dtype) }
    // torch has no types for these, so no pickle can name them.
    let foreign: Set<DType> = [.float4E2M1, .float6E2M3, .float6E3M2]
    for dtype in DType.allCases where !foreign.contains(dtype) { globals["torch." + dtype.rawValue] = .dtype(dtype) }
    return globals
  }()
}
