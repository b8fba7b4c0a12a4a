import Tensors
import WeightFormats

/// JSON in the making, without white space, that is handed on a piece at a time: whoever writes it keeps the order of members.
struct JSONText {
  private static let pieceByteCount = 1 << 18

  private var bytes: [UInt8] = []

  /// What to hand on now, if there is enough of it.
  mutating func takePiece() -> [UInt8]? { bytes.count < Self.pieceByteCount ? nil : takeAll() }

  /// All that was not handed on yet.
  mutating func takeAll() -> [UInt8] {
    let piece = bytes
    bytes.removeAll(keepingCapacity: true)
    return piece
  }

  /// Appends what is JSON already.
  mutating func raw(_ text: StaticString) {
    bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func integer(_ value: some BinaryInteger) {
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    let magnitude = UInt64(value.magnitude)
    var place: UInt64 = 1
    while magnitude / place >= 10 { place *= 10 }
    while place > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(magnitude / place % 10))
      place /= 10
    }
  }

  /// A digest as a string.
  mutating func digest(_ digest: Digest) {
    bytes.append(UInt8(ascii: "\""))
    digest.appendHexadecimal(to: &bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  /// A string: only what must be escaped is.
  mutating func string(_ text: String) { JSONEscape.append(text, to: &bytes) }

  /// A member with its name, which the text of `name` has; nothing for nil.
  mutating func member(_ name: StaticString, _ value: (some BinaryInteger)?) {
    guard let value else { return }
    raw(name)
    integer(value)
  }

  /// An array, each element of it as `element` writes it.
  mutating func array<Element, Failure: Error>(
    _ elements: [Element], _ element: (inout JSONText, Element) throws(Failure) -> Void
  ) throws(Failure) {
    raw("[")
    for (index, each) in elements.enumerated() {
      if index > 0 { raw(",") }
      try element(&self, each)
    }
    raw("]")
  }
}
