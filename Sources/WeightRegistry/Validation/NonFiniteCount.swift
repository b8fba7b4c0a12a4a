import Tensors

/// How many values of a tensor are not numbers or not finite.
struct NonFiniteCount: Sendable {
  var nan = 0
  var infinite = 0

  /// Counts in a chunk of whole elements. 8-bit and narrower floats, and integers, are not looked at.
  mutating func count(_ chunk: UnsafeRawBufferPointer, as dtype: DType) {
    switch dtype {
    case .float32, .complex64: count(chunk, UInt32.self, exponent: 0x7F80_0000, fraction: 0x007F_FFFF)
    case .float64, .complex128:
      count(chunk, UInt64.self, exponent: 0x7FF0_0000_0000_0000, fraction: 0x000F_FFFF_FFFF_FFFF)
    case .float16, .complex32: count(chunk, UInt16.self, exponent: 0x7C00, fraction: 0x03FF)
    case .bfloat16: count(chunk, UInt16.self, exponent: 0x7F80, fraction: 0x007F)
    default: break
    }
  }

  /// An exponent of all ones marks an infinity (fraction zero) or a NaN.
  private mutating func count<Bits: FixedWidthInteger & UnsignedInteger>(
    _ chunk: UnsafeRawBufferPointer, _: Bits.Type, exponent: Bits, fraction: Bits
  ) {
    var special = 0
    var infinities = 0
    for offset in stride(from: 0, to: chunk.count - MemoryLayout<Bits>.size + 1, by: MemoryLayout<Bits>.size) {
      let bits = Bits(littleEndian: chunk.loadUnaligned(fromByteOffset: offset, as: Bits.self))
      guard bits & exponent == exponent else { continue }
      special += 1
      if bits & fraction == 0 { infinities += 1 }
    }
    nan += special - infinities
    infinite += infinities
  }

  static func + (a: NonFiniteCount, b: NonFiniteCount) -> NonFiniteCount {
    var sum = a
    sum.nan += b.nan
    sum.infinite += b.infinite
    return sum
  }
}
