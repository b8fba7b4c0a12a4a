import Tensors

/// An element type of safetensors. Raw values are the names in headers; the order is the one in which the reference writer
/// ranks them: tensors are written in descending order of it.
enum SafetensorsDType: String, CaseIterable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6E2M3 = "F6_E2M3"
  case f6E3M2 = "F6_E3M2"
  case u8 = "U8"
  case i8 = "I8"
  case f8E5M2 = "F8_E5M2"
  case f8E4M3 = "F8_E4M3"
  case f8E8M0 = "F8_E8M0"
  case f8E4M3FNUZ = "F8_E4M3FNUZ"
  case f8E5M2FNUZ = "F8_E5M2FNUZ"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case c64 = "C64"
  case f64 = "F64"
  case i64 = "I64"
  case u64 = "U64"

  /// The type of elements of `dtype`; nil if safetensors has none. Packed pairs of 4-bit floats are `F4`.
  init?(_ dtype: DType) {
    switch dtype {
    case .bool: self = .bool
    case .uint8: self = .u8
    case .uint16: self = .u16
    case .uint32: self = .u32
    case .uint64: self = .u64
    case .int8: self = .i8
    case .int16: self = .i16
    case .int32: self = .i32
    case .int64: self = .i64
    case .float16: self = .f16
    case .bfloat16: self = .bf16
    case .float32: self = .f32
    case .float64: self = .f64
    case .complex64: self = .c64
    case .complex32, .complex128: return nil
    case .float8E4M3FN: self = .f8E4M3
    case .float8E4M3FNUZ: self = .f8E4M3FNUZ
    case .float8E5M2: self = .f8E5M2
    case .float8E5M2FNUZ: self = .f8E5M2FNUZ
    case .float8E8M0FNU: self = .f8E8M0
    case .float4E2M1, .float4E2M1x2: self = .f4
    case .float6E2M3: self = .f6E2M3
    case .float6E3M2: self = .f6E3M2
    }
  }

  /// The corresponding type of a state dict's elements; single 4-bit floats for `F4`.
  var dtype: DType {
    switch self {
    case .bool: .bool
    case .f4: .float4E2M1
    case .f6E2M3: .float6E2M3
    case .f6E3M2: .float6E3M2
    case .u8: .uint8
    case .i8: .int8
    case .f8E5M2: .float8E5M2
    case .f8E4M3: .float8E4M3FN
    case .f8E8M0: .float8E8M0FNU
    case .f8E4M3FNUZ: .float8E4M3FNUZ
    case .f8E5M2FNUZ: .float8E5M2FNUZ
    case .i16: .int16
    case .u16: .uint16
    case .f16: .float16
    case .bf16: .bfloat16
    case .i32: .int32
    case .u32: .uint32
    case .f32: .float32
    case .c64: .complex64
    case .f64: .float64
    case .i64: .int64
    case .u64: .uint64
    }
  }

  /// Place in the reference writer's order; higher ranks come first in a file.
  var rank: Int {
    switch self {
    case .bool: 0
    case .f4: 1
    case .f6E2M3: 2
    case .f6E3M2: 3
    case .u8: 4
    case .i8: 5
    case .f8E5M2: 6
    case .f8E4M3: 7
    case .f8E8M0: 8
    case .f8E4M3FNUZ: 9
    case .f8E5M2FNUZ: 10
    case .i16: 11
    case .u16: 12
    case .f16: 13
    case .bf16: 14
    case .i32: 15
    case .u32: 16
    case .f32: 17
    case .c64: 18
    case .f64: 19
    case .i64: 20
    case .u64: 21
    }
  }
}
