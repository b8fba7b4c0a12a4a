import ArgumentParser

/// A number of bytes as people write it: `2GiB`, `512M`, `1.5g`, `1048576`. Units are powers of 1024.
struct ByteCount: ExpressibleByArgument {
  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    let number = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let shifts = ["": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40]
    var unit = argument.dropFirst(number.count).lowercased()
    if unit.count > 1, unit.hasSuffix("b") { unit.removeLast() }
    if unit.count > 1, unit.hasSuffix("i") { unit.removeLast() }
    guard let shift = shifts[unit], let value = Double(number) else { return nil }
    let bytes = value * Double(1 << shift)
    // 4 EiB is far from what any disk has, and from overflow.
    guard bytes >= 1, bytes < Double(1 << 62) else { return nil }
    self.bytes = Int(bytes)
  }

  var defaultValueDescription: String { Console.size(bytes) }
}
