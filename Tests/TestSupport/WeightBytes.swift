/// Bytes as those of trained weights: numbers around zero, few of them large.
package enum WeightBytes {
  /// - Parameter width: 4 for float32, 2 for bfloat16.
  package static func make(_ byteCount: Int, width: Int = 4, seed: UInt64 = 1) -> [UInt8] {
    var numbers = SeededNumbers(state: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount + 4)
    while bytes.count < byteCount {
      // Three uniform numbers make something like a bell curve.
      let random = numbers.next()
      let sum = Float(random & 0xFFFF) + Float(random >> 16 & 0xFFFF) + Float(random >> 32 & 0xFFFF)
      let value = (sum / 98304 - 1) * 0.05 + Float(random >> 48) * 1e-9
      let pattern = value.bitPattern
      for index in (4 - width)..<4 { bytes.append(UInt8(truncatingIfNeeded: pattern >> UInt32(8 * index))) }
    }
    return Array(bytes.prefix(byteCount))
  }

  /// Bytes that nothing makes smaller.
  package static func noise(_ byteCount: Int, seed: UInt64 = 1) -> [UInt8] {
    var numbers = SeededNumbers(state: seed)
    var bytes: [UInt8] = []
    while bytes.count < byteCount { withUnsafeBytes(of: numbers.next()) { bytes.append(contentsOf: $0) } }
    return Array(bytes.prefix(byteCount))
  }
}
