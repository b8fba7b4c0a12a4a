import Tensors

/// The generator behind seeded weights: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
/// OOPSLA 2014), integers only.
///
/// Every tensor has a stream of its own, so values depend neither on the order of tensors nor on their number.
package struct SplitMix64: Sendable {
  private var state: UInt64

  /// A generator that starts at `state`.
  package init(state: UInt64) { self.state = state }

  /// The stream of one tensor: the state is the first 8 bytes, little-endian, of the SHA-256 of the UTF-8 text
  /// `<seed in decimal>/<model>/<tensor>`.
  package init(seed: UInt64, model: String, tensor: String) {
    let digest = Digest(of: "\(seed)/\(model)/\(tensor)".utf8)
    state = digest.bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A multiple of 2^-53 in [0, 1), from the upper 53 bits of one draw; exact.
  package mutating func nextUniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// Nearly a standard normal deviate: twelve 32-bit uniforms (six draws, both halves) summed and centred (Irwin-Hall).
  ///
  /// Exact, symmetric, variance 1, never beyond 6. The sum is an integer, so no rounding depends on its order.
  package mutating func nextNormal() -> Double {
    var sum: Int64 = 0
    for _ in 0..<6 {
      let draw = next()
      sum += Int64(draw >> 32) + Int64(draw & 0xFFFF_FFFF)
    }
    return Double(sum - 6 * 0xFFFF_FFFF) * 0x1p-32
  }
}
