import Tensors

/// A Python global that a pickle of weights may name. They are words here: nothing is imported and nothing is called.
///
/// A subset of what `torch.load(weights_only=True)` allows (torch/_weights_only_unpickler.py, torch 2.13), so that what is
/// accepted here also loads there.
enum PickleGlobal: Sendable, Hashable {
  case orderedDict, counter, set, bytearray, complex, encode
  case size, device, tensorClass, parameterClass
  case rebuildTensor, rebuildTensorV2, rebuildTensorV3
  case rebuildParameter, rebuildParameterWithState, rebuildFromType
  case dtype(DType)
  case storageClass(DType)
  case untypedStorageClass

  /// Whether a name is allowed.
  enum Lookup {
    case allowed(PickleGlobal)
    /// Inert, and torch loads it, but it is no weight that could be kept: says what it is.
    case unsupported(String)
    case forbidden
  }

  /// Looks up `module\nname`, as GLOBAL has it.
  static func named(_ path: some Sequence<UInt8>) -> Lookup { byPath[ByteString(Array(path))] ?? .forbidden }

  /// All that are allowed, for references by number.
  static let numbered = Array(allowed.values)

  /// The index in `numbered`.
  var number: Int { PickleGlobal.numbers[self] ?? 0 }

  private static let numbers = Dictionary(
    numbered.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })

  /// By module, newline and name. Python 2 calls the module of the builtins `__builtin__`.
  private static let byPath: [ByteString: Lookup] = {
    var table: [ByteString: Lookup] = [:]
    func enter(_ path: String, _ lookup: Lookup) {
      guard let dot = path.lastIndex(of: ".") else { return }
      let (module, name) = (path[..<dot], path[path.index(after: dot)...])
      table[ByteString("\(module)\n\(name)")] = lookup
      if module == "builtins" { table[ByteString("__builtin__\n\(name)")] = lookup }
    }
    for (path, kind) in unsupported { enter(path, .unsupported(kind)) }
    for (path, global) in allowed { enter(path, .allowed(global)) }
    return table
  }()

  /// `module.name`, as Python 3 has it.
  var path: String {
    switch self {
    case .dtype(let dtype): "torch." + dtype.rawValue
    case .storageClass(let dtype):
      "torch." + (PickleGlobal.storageClasses.first { $0.value == dtype }?.key ?? "Storage")
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
    for (name, dtype) in storageClasses { globals["torch." + name] = .storageClass(dtype) }
    // torch has no types for these, so no pickle can name them.
    let foreign: Set<DType> = [.float4E2M1, .float6E2M3, .float6E3M2]
    for dtype in DType.allCases where !foreign.contains(dtype) { globals["torch." + dtype.rawValue] = .dtype(dtype) }
    return globals
  }()

  private static let unsupported: [String: String] = {
    var kinds: [String: String] = [
      "torch._utils._rebuild_qtensor": "a quantized tensor", "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
      "torch._utils._rebuild_meta_tensor_no_storage": "a meta tensor, which has no data",
      "torch._utils._rebuild_nested_tensor": "a nested tensor",
      "torch._utils._rebuild_wrapper_subclass": "a tensor of a wrapper class",
      "torch._utils._rebuild_device_tensor_from_cpu_tensor": "a tensor of a device without storages",
      "torch._utils._rebuild_device_tensor_from_numpy": "a tensor of a device without storages",
      "torch.serialization._get_layout": "a sparse tensor", "torch.storage.TypedStorage": "a bare storage",
    ]
    for name in ["QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4"] {
      kinds["torch.\(name)Storage"] = "a quantized tensor"
      kinds["torch.\(name.lowercased())"] = "a quantized dtype"
    }
    for width in 1...7 {
      kinds["torch.int\(width)"] = "a dtype narrower than a byte"
      kinds["torch.uint\(width)"] = "a dtype narrower than a byte"
    }
    for name in ["bits8", "bits16", "bits1x8", "bits2x4", "bits4x2"] {
      kinds["torch.\(name)"] = "a dtype without arithmetic"
    }
    return kinds
  }()
}
