/// The element type of a tensor. Raw values are torch's names (without `torch.`) where torch has the type.
public enum DType: String, Sendable, Hashable, CaseIterable, Codable {
  case bool
  case uint8, uint16, uint32, uint64
  case int8, int16, int32, int64
  case float16, bfloat16, float32, float64
  case complex32, complex64, complex128
  case float8E4M3FN = "float8_e4m3fn"
  case float8E4M3FNUZ = "float8_e4m3fnuz"
  case float8E5M2 = "float8_e5m2"
  case float8E5M2FNUZ = "float8_e5m2fnuz"
  case float8E8M0FNU = "float8_e8m0fnu"
  /// Two 4-bit floats packed in one byte; an element is the pair, as in torch.
  case float4E2M1x2 = "float4_e2m1fn_x2"
  /// A single 4-bit float: what a safetensors `F4` tensor holds when its last dimension is odd. Torch has no such type.
  case float4E2M1 = "float4_e2m1fn"
  /// 6-bit floats of safetensors; torch has no such types.
  case float6E2M3 = "float6_e2m3fn"
  case float6E3M2 = "float6_e3m2fn"

  /// Bits of one element.
  public var bitWidth: Int {
    switch self {
    case .float4E2M1: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .uint8, .int8, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0FNU,
      .float4E2M1x2:
      8
    case .uint16, .int16, .float16, .bfloat16: 16
    case .uint32, .int32, .float32, .complex32: 32
    case .uint64, .int64, .float64, .complex64: 64
    case .complex128: 128
    }
  }

  /// Bytes of one element; nil for types narrower than a byte.
  public var byteWidth: Int? { bitWidth % 8 == 0 ? bitWidth / 8 : nil }

  /// Bytes that `elementCount` elements take; nil on overflow or when they do not fill whole bytes.
  public func byteCount(ofElements elementCount: Int) -> Int? {
    let (bits, overflow) = elementCount.multipliedReportingOverflow(by: bitWidth)
    guard !overflow, elementCount >= 0, bits % 8 == 0 else { return nil }
    return bits / 8
  }
}
