/// A GGUF file that is put together by hand, right or wrong.
package struct TestGGUF: Sendable {
  package struct Tensor: Sendable {
    package var name: [UInt8]
    /// Innermost first, as in the file.
    package var sizes: [UInt64]
    package var type: UInt32
    /// nil for the one that is right.
    package var offset: UInt64?
    package var byteCount: Int
    /// What the header says of the number of dimensions; nil for the truth.
    package var rank: UInt32?

    package init(_ name: String, _ sizes: [UInt64], type: UInt32 = 0, byteCount: Int) {
      (self.name, self.sizes, self.type, self.byteCount) = (
        Array(name.utf8), sizes, type, byteCount
      )
    }
  }

  package var mark = Array("GGUF".utf8)
  package var version: UInt32 = 3
  package var keys: [(name: [UInt8], value: [UInt8])] = []
  package var tensors: [Tensor] = []
  package var alignment = 32
  /// What the header says of the numbers; nil for the truth.
  package var keyCount: UInt64?
  package var tensorCount: UInt64?
  package var tail: [UInt8] = []

  package init(keys: [(String, [UInt8])] = [], tensors: [Tensor] = []) {
    self.keys = keys.map { (Array($0.0.utf8), $0.1) }
    self.tensors = tensors
  }

  /// A string as it stands in a file.
  package static func string(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let bytes = Array(bytes)
    return little(UInt64(bytes.count)) + bytes
  }

  /// A key's value that is a text.
  package static func text(_ text: String) -> [UInt8] { little(8 as UInt32) + string(text.utf8) }

  package static func number(_ value: UInt32) -> [UInt8] { little(4 as UInt32) + little(value) }

  /// A key's value that is an array of elements as they stand in the file.
  package static func array(_ type: UInt32, _ count: UInt64, _ elements: [UInt8]) -> [UInt8] {
    little(9 as UInt32) + little(type) + little(count) + elements
  }

  private func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

  package var header: [UInt8] {
    var bytes = mark + little(version) + little(tensorCount ?? UInt64(tensors.count))
    bytes += little(keyCount ?? UInt64(keys.count))
    for key in keys { bytes += Self.string(key.name) + key.value }
    var offset = 0
    for tensor in tensors {
      bytes += Self.string(tensor.name) + little(tensor.rank ?? UInt32(tensor.sizes.count))
      for size in tensor.sizes { bytes += little(size) }
      bytes += little(tensor.type) + little(tensor.offset ?? UInt64(offset))
      offset = aligned(offset + tensor.byteCount)
    }
    return bytes
  }

  package var bytes: [UInt8] {
    var bytes = header
    bytes += [UInt8](repeating: 0, count: aligned(bytes.count) - bytes.count)
    for (index, tensor) in tensors.enumerated() {
      bytes += (0..<tensor.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ index) }
      bytes += [UInt8](repeating: 0, count: aligned(bytes.count) - bytes.count)
    }
    return bytes + tail
  }

  /// A file with keys of every type and tensors of every type that is no quantized one; all sizes are multiples of the alignment.
  package static let whole: TestGGUF = {
    let scalars: [(UInt32, Int)] = [
      (0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 1), (10, 8), (11, 8), (12, 8),
    ]
    var keys: [(String, [UInt8])] = [
      ("general.architecture", text("llama")), ("general.alignment", number(8)),
    ]
    for (type, width) in scalars {
      keys.append(("k.\(type)", little(type) + [UInt8](repeating: 1, count: width)))
    }
    keys.append(("k.empty", text("")))
    for (type, width) in scalars {
      keys.append(("a.\(type)", array(type, 3, [UInt8](repeating: 1, count: 3 * width))))
    }
    keys.append(
      ("a.strings", array(8, 3, string("a".utf8) + string("".utf8) + string("\u{E9}".utf8))))
    let widths: [(UInt32, Int)] = [
      (0, 4), (1, 2), (24, 1), (25, 2), (26, 4), (27, 8), (28, 8), (30, 2),
    ]
    var file = TestGGUF(
      keys: keys,
      tensors: widths.map { type, width in
        Tensor("blk.\(type).weight", [4, 2], type: type, byteCount: 8 * width)
      } + [
        Tensor("e\u{301}", [0, 3], type: 0, byteCount: 0), Tensor("s", [], type: 27, byteCount: 8),
      ])
    file.alignment = 8
    return file
  }()

  /// A small file of one tensor.
  package static let small = TestGGUF(
    keys: [("general.architecture", text("odd"))], tensors: [Tensor("w", [8], byteCount: 32)])

  /// A file with a quantized tensor.
  package static let quantized = TestGGUF(
    keys: [("general.architecture", text("llama"))],
    tensors: [Tensor("n", [8], byteCount: 32), Tensor("w", [32, 2], type: 8, byteCount: 68)])
}
