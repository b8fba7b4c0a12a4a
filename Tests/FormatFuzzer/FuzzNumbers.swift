/// A generator of reproducible numbers (SplitMix64; Steele, Lea and Flood 2014).
struct FuzzNumbers: RandomNumberGenerator {
  private var state: UInt64

  /// The generator of one input: the same seed, target and number always make the same input.
  init(seed: UInt64, target: String, number: UInt64) {
    state = target.utf8.reduce(seed ^ 0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    state ^= number &* 0xD134_2543_DE82_EF95
    _ = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  /// A number from 0 to `count` - 1; `count` is at least 1.
  mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(count, 1))) }

  /// One of the elements, of which there is at least one.
  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
