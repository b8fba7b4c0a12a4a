/// Pickles spelled out opcode by opcode.
package enum TestPickle {
  package static let empty: [UInt8] = text("}")
  package static let stop: [UInt8] = text(".")

  package static func text(_ opcodes: String) -> [UInt8] { Array(opcodes.utf8) }

  package static func global(_ module: String, _ name: String) -> [UInt8] { text("c\(module)\n\(name)\n") }

  package static func string(_ value: String) -> [UInt8] {
    text("X") + little(UInt32(value.utf8.count)) + Array(value.utf8)
  }

  package static func integer(_ value: Int) -> [UInt8] {
    if let small = UInt8(exactly: value) { return text("K") + [small] }
    if let word = Int32(exactly: value) { return text("J") + little(word) }
    return [0x8A, 8] + little(Int64(value))
  }

  /// A tuple of any length.
  package static func tuple(_ parts: [UInt8]...) -> [UInt8] { text("(") + parts.joined() + text("t") }

  package static func integers(_ values: [Int]) -> [UInt8] { text("(") + values.flatMap(integer) + text("t") }

  package static let orderedDict: [UInt8] = global("collections", "OrderedDict") + text(")R")

  package static func storage(
    _ key: String = "0", type: String = "FloatStorage", count: Int, location: String = "cpu"
  ) -> [UInt8] {
    tuple(string("storage"), global("torch", type), string(key), string(location), integer(count)) + text("Q")
  }

  /// `_rebuild_tensor_v2` of a storage.
  package static func tensor(
    _ storage: [UInt8], offset: Int = 0, shape: [Int], strides: [Int], requiresGrad: [UInt8] = [0x89],
    hooks: [UInt8] = orderedDict
  ) -> [UInt8] {
    global("torch._utils", "_rebuild_tensor_v2")
      + tuple(storage, integer(offset), integers(shape), integers(strides), requiresGrad, hooks) + text("R")
  }

  /// A dict of named values, as a whole pickle.
  package static func dict(_ entries: [(String, [UInt8])]) -> [UInt8] {
    [0x80, 2] + text("}(") + entries.flatMap { string($0) + $1 } + text("u.")
  }

  /// A whole pickle of one value.
  package static func whole(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + stop }
}
