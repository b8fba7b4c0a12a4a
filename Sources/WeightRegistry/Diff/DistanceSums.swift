import Tensors

/// What a pass over two tensors adds up for their distance. Sums of stretches can be added, always in the order of the
/// stretches, so that the result does not depend on which thread was faster.
struct DistanceSums: Sendable, Hashable {
  private(set) var changedElements = 0
  private(set) var nonFiniteElements = 0
  /// Sum of (b - a)².
  private(set) var squaredDifference = 0.0
  /// Sum of a².
  private(set) var squaredFirst = 0.0
  /// Greatest |b - a|.
  private(set) var largest = 0.0

  /// Whether values of this type can be compared as numbers.
  static func supports(_ dtype: DType) -> Bool {
    switch dtype {
    case .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }

  /// Adds the elements of two stretches of the same size, little-endian, of a type that is supported.
  mutating func add(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, as dtype: DType) {
    switch dtype {
    case .float64: add(a, b, UInt64.self) { Double(bitPattern: $0) }
    case .float32: add(a, b, UInt32.self) { Double(Float(bitPattern: $0)) }
    case .bfloat16: add(a, b, UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
    case .float16: add(a, b, UInt16.self, Self.double(float16:))
    default: break
    }
  }

  private mutating func add<Bits: FixedWidthInteger>(
    _ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, _: Bits.Type, _ value: (Bits) -> Double
  ) {
    let width = MemoryLayout<Bits>.size
    var sums = self
    for offset in stride(from: 0, to: min(a.count, b.count) - width + 1, by: width) {
      let first = Bits(littleEndian: a.loadUnaligned(fromByteOffset: offset, as: Bits.self))
      let second = Bits(littleEndian: b.loadUnaligned(fromByteOffset: offset, as: Bits.self))
      if first != second { sums.changedElements += 1 }
      let x = value(first)
      let y = value(second)
      guard x.isFinite, y.isFinite else {
        sums.nonFiniteElements += 1
        continue
      }
      let difference = y - x
      sums.squaredFirst += x * x
      sums.squaredDifference += difference * difference
      sums.largest = max(sums.largest, abs(difference))
    }
    self = sums
  }

  /// IEEE 754 binary16: a sign, five bits of exponent with bias 15, ten of fraction. All of its values are doubles.
  private static func double(float16 bits: UInt16) -> Double {
    let fraction = Double(bits & 0x03FF)
    let exponent = Int(bits >> 10 & 0x1F)
    let magnitude: Double
    switch exponent {
    case 0: magnitude = fraction * 0x1p-24
    case 31: magnitude = fraction == 0 ? .infinity : .nan
    // A double has the same fraction at the top of its own, and bias 1023.
    default: magnitude = Double(bitPattern: UInt64(exponent + 1008) << 52 | UInt64(bits & 0x03FF) << 42)
    }
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }

  static func + (a: DistanceSums, b: DistanceSums) -> DistanceSums {
    var sum = a
    sum.changedElements += b.changedElements
    sum.nonFiniteElements += b.nonFiniteElements
    sum.squaredDifference += b.squaredDifference
    sum.squaredFirst += b.squaredFirst
    sum.largest = max(a.largest, b.largest)
    return sum
  }
}
