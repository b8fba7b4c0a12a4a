import CQuantize
import Tensors
package import WeightFormats

/// How the bytes of a computed tensor come from the elements of a stored one. A value: it names a kernel, and holds no data.
///
/// A kernel works on units: some consecutive elements that become some bytes, and depend on nothing else.
package struct Recipe: Sendable, Hashable {
  package enum Kernel: Sendable, Hashable {
    /// Blocks of GGUF.
    case blocks(GGUFType)
    /// -exp(x), as F32.
    case negativeExponential
    /// One signed byte for each element; a unit is a row.
    case integers(width: Int)
    /// Two elements in a byte, offset by 8, the first in the low half, rows padded to 32 bits; a unit is a row of groups.
    case packed(width: Int, group: Int)
    /// The scale of each group of a row, in the source's dtype.
    case scales(group: Int, bits: Int)
    /// Indices of 4-bit normal floats, two in a byte, the first in the high half, and what the greatest magnitudes of their blocks are.
    case nf4Indices
    case nf4Maxima
  }

  var kernel: Kernel
  /// The rows in another order; nil for the one that is stored.
  var rows: RowOrder?

  init(_ kernel: Kernel, rows: RowOrder? = nil) {
    self.kernel = kernel
    self.rows = rows
  }

  /// Elements of a unit.
  var unitElementCount: Int {
    switch kernel {
    case .blocks(let type): type.block.elementCount
    case .negativeExponential: 1
    case .integers(let width), .packed(let width, _): max(1, width)
    case .scales(let group, _): max(1, group)
    case .nf4Indices, .nf4Maxima: 64
    }
  }

  /// Bytes of a unit.
  func unitByteCount(_ dtype: DType) -> Int {
    switch kernel {
    case .blocks(let type): type.block.byteCount
    case .negativeExponential, .nf4Maxima: 4
    case .integers(let width): max(1, width)
    case .packed(let width, _): Self.packedRowByteCount(width)
    case .scales: dtype.byteWidth ?? 1
    case .nf4Indices: 32
    }
  }

  /// Whether the result is kept once it is computed: it is small, and depends on much.
  var isKept: Bool {
    switch kernel {
    case .scales(let group, _): group >= 256
    default: false
    }
  }

  /// Bytes of a row of packed 4-bit integers.
  static func packedRowByteCount(_ width: Int) -> Int { max(1, (width + 7) / 8) * 4 }

  /// Bytes of what is made of `count` elements of a dtype; nil if there is no such number.
  func byteCount(ofElements count: Int, _ dtype: DType) -> Int? {
    let units = count / unitElementCount + (count % unitElementCount == 0 ? 0 : 1)
    let (bytes, overflow) = units.multipliedReportingOverflow(by: unitByteCount(dtype))
    if overflow { return nil }
    // The last block of these may be shorter.
    if case .nf4Indices = kernel { return count / 2 + count % 2 }
    return bytes
  }

  /// Computes `units` units.
  ///
  /// - Parameters:
  ///   - floats: their elements.
  ///   - dtype: of the stored tensor.
  ///   - output: has as many bytes as the units.
  func compute(
    _ floats: UnsafePointer<Float>, units: Int, _ dtype: DType, into output: UnsafeMutablePointer<UInt8>
  ) {
    let element = kernelElement(of: dtype) ?? TANTRA_ELEMENT_F32
    switch kernel {
    case .blocks(let type): tantra_encode(tantra_block(type.rawValue), floats, units, output)
    case .negativeExponential:
      withFloats(units) { result in
        tantra_negative_exponential(floats, units, result)
        tantra_from_floats(TANTRA_ELEMENT_F32, result, units, output)
      }
    case .integers(let width):
      withFloats(units) { scales in
        tantra_row_scales(floats, units, width, 8, element, scales)
        output.withMemoryRebound(to: Int8.self, capacity: units * width) { integers in
          tantra_row_integers(floats, units, width, 8, element, scales, integers)
        }
      }
    case .packed(let width, let group): pack(floats, rows: units, width: width, group: group, element, output)
    case .scales(let group, let bits):
      withFloats(units) { scales in
        tantra_row_scales(floats, units, group, Int32(bits), element, scales)
        tantra_from_floats(element, scales, units, output)
      }
    case .nf4Indices: tantra_nf4_indices(floats, units, output)
    case .nf4Maxima:
      withFloats(units) { result in
        tantra_nf4_maxima(floats, units, result)
        tantra_from_floats(TANTRA_ELEMENT_F32, result, units, output)
      }
    }
  }

  private func pack(
    _ floats: UnsafePointer<Float>, rows: Int, width: Int, group: Int, _ element: tantra_element,
    _ output: UnsafeMutablePointer<UInt8>
  ) {
    let groups = rows * (width / max(1, group))
    let rowByteCount = Self.packedRowByteCount(width)
    withFloats(groups) { scales in
      tantra_row_scales(floats, groups, group, 4, element, scales)
      withUnsafeTemporaryAllocation(of: Int8.self, capacity: rows * width) { integers in
        guard let start = integers.baseAddress else { return }
        tantra_row_integers(floats, groups, group, 4, element, scales, start)
        for row in 0..<rows {
          let line = output + row * rowByteCount
          for byte in 0..<rowByteCount {
            func nibble(_ column: Int) -> UInt8 {
              column < width ? UInt8(bitPattern: integers[row * width + column] &+ 8) & 15 : 0
            }
            line[byte] = nibble(2 * byte) | nibble(2 * byte + 1) << 4
          }
        }
      }
    }
  }

  private func withFloats(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, count)) { floats in
      if let start = floats.baseAddress { body(start) }
    }
  }
}

/// The kernels' name of a dtype that can be read as floats; nil for others.
func kernelElement(of dtype: DType) -> tantra_element? {
  switch dtype {
  case .float32: TANTRA_ELEMENT_F32
  case .float16: TANTRA_ELEMENT_F16
  case .bfloat16: TANTRA_ELEMENT_BF16
  case .float64: TANTRA_ELEMENT_F64
  case .float8E4M3FN: TANTRA_ELEMENT_F8_E4M3FN
  case .float8E5M2: TANTRA_ELEMENT_F8_E5M2
  default: nil
  }
}
