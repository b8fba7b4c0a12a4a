/// Four interleaved streams of xorshift64* (Vigna, 2014): fast, and random enough.
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

  /// Fills `buffer`, whose size is a multiple of 8, with numbers like trained weights: bfloat16, near to a normal distribution with a
  /// deviation of 0.02. Read as float32 they are finite, too.
  mutating func fillWithWeights(_ buffer: UnsafeMutableRawBufferPointer) {
    for offset in stride(from: 0, to: buffer.count, by: 8) {
      let words = nextBlock()
      // Four numbers from 0 to 65,535 in each word: their sum has a mean of 131,070 and a deviation of 37,837.
      var sums = SIMD4<UInt64>()
      for shift in stride(from: UInt64(0), to: 64, by: 16) { sums &+= words &>> shift & 0xFFFF }
      let numbers = (SIMD4<Float>(SIMD4<Int32>(truncatingIfNeeded: sums)) - 131_070) * (0.02 / 37_837)
      var halves = SIMD4<UInt16>()
      for lane in 0..<4 { halves[lane] = UInt16(numbers[lane].bitPattern >> 16) }
      buffer.storeBytes(of: halves, toByteOffset: offset, as: SIMD4<UInt16>.self)
    }
  }
}
