import Tensors

extension DType {
  /// The class of torch's typed storages of this type, as a pickle's global (`module\nname`); nil for the types that torch
  /// pickles through untyped storages.
  var torchStorageClass: String? {
    switch self {
    case .bool: "torch\nBoolStorage"
    case .uint8: "torch\nByteStorage"
    case .int8: "torch\nCharStorage"
    case .int16: "torch\nShortStorage"
    case .int32: "torch\nIntStorage"
    case .int64: "torch\nLongStorage"
    case .float16: "torch\nHalfStorage"
    case .bfloat16: "torch\nBFloat16Storage"
    case .float32: "torch\nFloatStorage"
    case .float64: "torch\nDoubleStorage"
    case .complex64: "torch\nComplexFloatStorage"
    case .complex128: "torch\nComplexDoubleStorage"
    case .uint16, .uint32, .uint64, .complex32, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ,
      .float8E8M0FNU, .float4E2M1x2, .float4E2M1, .float6E2M3, .float6E3M2:
      nil
    }
  }

  /// Whether torch has the type.
  var existsInTorch: Bool {
    switch self {
    case .float4E2M1, .float6E2M3, .float6E3M2: false
    default: true
    }
  }
}
