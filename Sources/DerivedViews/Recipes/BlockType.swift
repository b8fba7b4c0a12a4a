import Tensors

/// An element type of GGUF, by ggml's number. A block is what is encoded together: some elements of a row.
package enum BlockType: UInt32, Sendable, Hashable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q40 = 2
  case q41 = 3
  case q50 = 6
  case q80 = 8
  case int8 = 24
  case int16 = 25
  case int32 = 26
  case int64 = 27
  case f64 = 28
  case bf16 = 30

  /// The types that files are offered in, in the order of a listing.
  package static let offered: [BlockType] = [.f32, .f16, .bf16, .q80, .q50, .q41, .q40]

  /// The type of that name (`Q8_0`, in any case); nil if no file is offered in it.
  package init?(name: some StringProtocol) {
    guard let type = Self.offered.first(where: { $0.name == name.uppercased() }) else { return nil }
    self = type
  }

  /// As ggml names it: `Q8_0`.
  package var name: String {
    switch self {
    case .f32: "F32"
    case .f16: "F16"
    case .q40: "Q4_0"
    case .q41: "Q4_1"
    case .q50: "Q5_0"
    case .q80: "Q8_0"
    case .int8: "I8"
    case .int16: "I16"
    case .int32: "I32"
    case .int64: "I64"
    case .f64: "F64"
    case .bf16: "BF16"
    }
  }

  /// Elements of a block.
  package var elementCount: Int {
    switch self {
    case .q40, .q41, .q50, .q80: 32
    default: 1
    }
  }

  /// Bytes of a block.
  package var byteCount: Int {
    switch self {
    case .int8: 1
    case .f16, .bf16, .int16: 2
    case .f32, .int32: 4
    case .f64, .int64: 8
    case .q40: 18
    case .q41: 20
    case .q50: 22
    case .q80: 34
    }
  }

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
