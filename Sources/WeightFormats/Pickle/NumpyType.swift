import Tensors

/// A numpy dtype without objects.
struct NumpyType: Sendable, Hashable {
  /// numpy's letter: `b` boolean, `i`, `u`, `f`, `c`, `M`, `m`, `S`, `U`, `V`.
  let kind: UInt8
  /// Bytes of an element.
  let byteCount: Int
  var isBigEndian = false
  /// Whether it has fields or is a sub-array.
  var isStructured = false

  /// The type that a letter and a count name, such as `f8`; nil if it is not known for plain data.
  init?(code: some Collection<UInt8>) {
    var code = Array(code)
    if let order = code.first, Array("<>|=".utf8).contains(order) {
      isBigEndian = order == UInt8(ascii: ">")
      code.removeFirst()
    }
    guard let kind = code.first, Array("biufcMmSUVa".utf8).contains(kind), code.count > 1,
      code.dropFirst().allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), code.count <= 11,
      let count = Int(String(decoding: code.dropFirst(), as: UTF8.self))
    else { return nil }
    self.kind = kind == UInt8(ascii: "a") ? UInt8(ascii: "S") : kind
    switch kind {
    case UInt8(ascii: "U"): byteCount = 4 * count
    case UInt8(ascii: "S"), UInt8(ascii: "V"), UInt8(ascii: "a"): byteCount = count
    case UInt8(ascii: "b"):
      guard count == 1 else { return nil }
      byteCount = count
    default:
      let counts: [Int] =
        switch kind {
        case UInt8(ascii: "f"): [2, 4, 8, 12, 16]
        case UInt8(ascii: "c"): [8, 16, 24, 32]
        case UInt8(ascii: "M"), UInt8(ascii: "m"): [8]
        default: [1, 2, 4, 8]
        }
      guard counts.contains(count) else { return nil }
      byteCount = count
    }
  }

  /// torch's type of the same numbers; nil if it has none.
  var dtype: DType? {
    guard !isStructured else { return nil }
    switch (kind, byteCount) {
    case (UInt8(ascii: "b"), 1): return .bool
    case (UInt8(ascii: "i"), 1): return .int8
    case (UInt8(ascii: "i"), 2): return .int16
    case (UInt8(ascii: "i"), 4): return .int32
    case (UInt8(ascii: "i"), 8): return .int64
    case (UInt8(ascii: "u"), 1): return .uint8
    case (UInt8(ascii: "u"), 2): return .uint16
    case (UInt8(ascii: "u"), 4): return .uint32
    case (UInt8(ascii: "u"), 8): return .uint64
    case (UInt8(ascii: "f"), 2): return .float16
    case (UInt8(ascii: "f"), 4): return .float32
    case (UInt8(ascii: "f"), 8): return .float64
    case (UInt8(ascii: "c"), 8): return .complex64
    case (UInt8(ascii: "c"), 16): return .complex128
    default: return nil
    }
  }

  /// What numpy calls it, about: `float64`, `<U5`.
  var name: String {
    if let dtype { return dtype.rawValue }
    switch kind {
    case UInt8(ascii: "M"): return "datetime64"
    case UInt8(ascii: "m"): return "timedelta64"
    case UInt8(ascii: "U"): return "U\(byteCount / 4)"
    default: return isStructured ? "structure" : "\(Character(UnicodeScalar(kind)))\(byteCount)"
    }
  }

  /// Bytes that are swapped between the two byte orders: the parts of a complex number are swapped one by one.
  var swapWidth: Int { kind == UInt8(ascii: "c") ? byteCount / 2 : byteCount }
}
