/// Four interleaved streams of xorshift64* (Vigna, 2014): fast, and random enough for data that must not compress.
struct RandomWords {
  private var state: SIMD4<UInt64>
  private var index = 4
  private var block = SIMD4<UInt64>()

  init(seed: UInt64) {
    // Multiples of the golden ratio differ in all bits; a state must not be 0.
    state = SIMD4(1, 2, 3, 4) &* 0x9E37_79B9_7F4A_7C15 ^ SIMD4(repeating: seed &* 0xD129_0D3B_3AC4_C5B5 | 1 << 40)
    for _ in 0..<8 { _ = nextBlock() }
  }

  private mutating func nextBlock() -> SIMD4<UInt64> {
    state ^= state &>> 12
    state ^= state &<< 25
    state ^= state &>> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  mutating func next() -> UInt64 {
    if index == 4 {
      block = nextBlock()
      index = 0
    }
    index += 1
    return block[index - 1]
  }

  /// Fills `buffer`, whose size is a multiple of 32, with numbers that are finite and smaller than 2, read as bfloat16 or
  /// as float32: the highest bit of each exponent is clear.
  mutating func fillWithFloats(_ buffer: UnsafeMutableRawBufferPointer) {
    let mask = SIMD4<UInt64>(repeating: 0xBFFF_BFFF_BFFF_BFFF)
    for offset in stride(from: 0, to: buffer.count, by: 32) {
      buffer.storeBytes(of: nextBlock() & mask, toByteOffset: offset, as: SIMD4<UInt64>.self)
    }
  }
}
