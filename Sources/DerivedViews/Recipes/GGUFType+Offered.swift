import Tensors
import WeightFormats

/// The types that views are computed in.
extension GGUFType {
  /// The types that files are offered in, in the order of a listing.
  static let offered: [GGUFType] = [.f32, .f16, .bf16, .q80, .q50, .q41, .q40]

  /// What `general.file_type` says of a file that is mostly of the type.
  var fileType: UInt32 {
    switch self {
    case .f16: 1
    case .q40: 2
    case .q41: 3
    case .q80: 7
    case .q50: 8
    case .bf16: 32
    default: 0
    }
  }

  /// The type that has the elements of a dtype as they are; nil if none has.
  init?(storing dtype: DType) {
    switch dtype {
    case .float32, .complex64: self = .f32
    case .float64, .complex128: self = .f64
    case .float16: self = .f16
    case .bfloat16: self = .bf16
    case .int8, .uint8, .bool: self = .int8
    case .int16, .uint16: self = .int16
    case .int32, .uint32: self = .int32
    case .int64, .uint64: self = .int64
    default: return nil
    }
  }
}
