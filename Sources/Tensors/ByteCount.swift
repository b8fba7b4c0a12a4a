/// A number of bytes as people write and read it. Units are powers of 1024.
package struct ByteCount: Hashable, Sendable, CustomStringConvertible {
  package var bytes: Int

  package init(bytes: Int) { self.bytes = bytes }

  /// Reads `2GiB`, `512M`, `1.5g` or `1048576`; nil for anything else, for less than a byte, and for 4 EiB or more.
  package init?(_ text: String) {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let shifts = ["": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40]
    var unit = text.dropFirst(number.count).lowercased()
    if unit.count > 1, unit.hasSuffix("b") { unit.removeLast() }
    if unit.count > 1, unit.hasSuffix("i") { unit.removeLast() }
    guard let shift = shifts[unit], let value = Double(number) else { return nil }
    let bytes = value * Double(1 << shift)
    // 4 EiB is far from what any disk has, and from overflow.
    guard bytes >= 1, bytes < Double(1 << 62) else { return nil }
    self.bytes = Int(bytes)
  }

  /// `2.6 MiB`.
  package var description: String {
    var value = Double(bytes)
    var unit = "B"
    for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
      value /= 1024
      unit = next
    }
    return unit == "B" ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(unit)"
  }
}
