import TestSupport

extension HostileFile {
  /// A GGUF file with something changed.
  private static func gguf(_ name: String, _ change: @escaping @Sendable (inout TestGGUF) -> Void)
    -> HostileFile
  {
    HostileFile("gguf: " + name) {
      var file = TestGGUF.small
      change(&file)
      return file.bytes
    }
  }

  /// A sparse file behind the header.
  private static func sparse(
    _ name: String, byteCount: Int = 64 << 30,
    _ change: @escaping @Sendable (inout TestGGUF) -> Void
  ) -> HostileFile {
    HostileFile("gguf: " + name, byteCount: byteCount) {
      var file = TestGGUF.small
      change(&file)
      return [Stretch(offset: 0, bytes: file.header)]
    }
  }

  /// Headers that contradict themselves, or claim more than there is.
  static let gguf: [HostileFile] = ggufCounts + ggufKeys + ggufTensors + ggufSparse

  private static let ggufCounts: [HostileFile] = [
    gguf("another mark") { $0.mark = Array("GGUG".utf8) },
    gguf("version 0") { $0.version = 0 },
    gguf("version 1") { $0.version = 1 },
    gguf("version 4") { $0.version = 4 },
    gguf("a big-endian version") { $0.version = 3 << 24 },
    gguf("no end of tensors") { $0.tensorCount = .max },
    gguf("no end of keys") { $0.keyCount = .max },
    gguf("a tensor more") { $0.tensorCount = 2 },
    gguf("two keys more") { $0.keyCount = 3 },
    gguf("a key less") { $0.keyCount = 0 },
    gguf("a tensor less") { $0.tensorCount = 0 },
    gguf("2^62 of both") { ($0.keyCount, $0.tensorCount) = (1 << 62, 1 << 62) },
    gguf("bytes after the end") { $0.tail = [1] },
  ]

  private static func key(_ name: String, _ key: String, _ value: [UInt8]) -> HostileFile {
    gguf(name) { $0.keys.append((Array(key.utf8), value)) }
  }

  private static let ggufKeys: [HostileFile] = [
    key("an array of arrays", "a", TestGGUF.array(9, 1, TestGGUF.array(4, 1, little(1 as UInt32)))),
    key(
      "arrays nested a thousand times", "a", (0..<1000).flatMap { _ in TestGGUF.array(9, 1, []) }),
    key("an array of an unknown type", "a", TestGGUF.array(13, 1, [0, 0, 0, 0])),
    key("an array of 2^64 numbers", "a", TestGGUF.array(10, .max, [])),
    key("an array whose bytes overflow", "a", TestGGUF.array(10, 1 << 61, [])),
    key("an array of 2^63 strings", "a", TestGGUF.array(8, 1 << 63, [])),
    key("a string in an array that is too long", "a", TestGGUF.array(8, 1, little(UInt64.max))),
    key("a value of an unknown type", "a", little(13 as UInt32) + [0, 0, 0, 0]),
    key("a text of 2^64 bytes", "a", little(8 as UInt32) + little(UInt64.max)),
    key("a text of 2^63 bytes", "a", little(8 as UInt32) + little(1 << 63 as UInt64)),
    key("a second key", "general.architecture", TestGGUF.text("odd")),
    key("a key without a name", "", TestGGUF.text("odd")),
    key("no alignment", "general.alignment", TestGGUF.number(0)),
    key("an alignment of three", "general.alignment", TestGGUF.number(3)),
    key("an alignment of 2^31", "general.alignment", TestGGUF.number(1 << 31)),
    key("an alignment as a text", "general.alignment", TestGGUF.text("32")),
    key("an alignment as u64", "general.alignment", little(10 as UInt32) + little(32 as UInt64)),
    key("a name of 64 KiB", String(repeating: "k", count: 65536), TestGGUF.number(1)),
    gguf("a key that is not UTF-8") { $0.keys.append(([0xC3, 0x28], TestGGUF.number(1))) },
    gguf("a second alignment") { file in
      for _ in 0..<2 { file.keys.append((Array("general.alignment".utf8), TestGGUF.number(32))) }
    },
  ]

  private static func tensor(
    _ name: String, _ change: @escaping @Sendable (inout TestGGUF.Tensor) -> Void
  ) -> HostileFile {
    gguf("tensor: " + name) { change(&$0.tensors[0]) }
  }

  private static let ggufTensors: [HostileFile] = [
    tensor("2^32 - 1 dimensions") { $0.rank = .max },
    tensor("65 dimensions of one") { $0.sizes = [8] + [UInt64](repeating: 1, count: 64) },
    tensor("a dimension less") { $0.rank = 0 },
    tensor("a dimension of 2^64 - 1") { $0.sizes = [.max] },
    tensor("a dimension of 2^63") { $0.sizes = [1 << 63] },
    tensor("elements that overflow") { $0.sizes = [1 << 32, 1 << 32] },
    tensor("elements that overflow to zero") { $0.sizes = [1 << 62, 4, 0] },
    tensor("bytes that overflow") { $0.sizes = [1 << 62] },
    tensor("more than there is") { $0.sizes = [1 << 30] },
    tensor("an offset beyond the file") { $0.offset = 1 << 20 },
    tensor("an offset of 2^64 - 32") { $0.offset = .max - 31 },
    tensor("an offset of 2^63 - 32") { $0.offset = (1 << 63) - 32 },
    tensor("an offset between") { $0.offset = 1 },
    tensor("a hole before it") { $0.offset = 32 },
    tensor("a name that is not UTF-8") { $0.name = [0xFF, 0xFE] },
    tensor("a name of a megabyte") { $0.name = [UInt8](repeating: 0x6E, count: 1 << 20) },
    gguf("a second tensor of a name") { $0.tensors.append($0.tensors[0]) },
    gguf("a tensor over another") { file in
      var second = TestGGUF.Tensor("v", [8], byteCount: 32)
      second.offset = 0
      file.tensors.append(second)
    },
    gguf("tensors in another order") { file in
      file.tensors.append(TestGGUF.Tensor("v", [8], byteCount: 32))
      (file.tensors[0].offset, file.tensors[1].offset) = (32, 0)
    },
  ]

  private static let ggufSparse: [HostileFile] = [
    sparse("eight billion empty strings") { file in
      file.keys.append((Array("a".utf8), TestGGUF.array(8, (8 << 30) - 1000, [])))
      (file.tensorCount, file.tensors) = (1, [])
    },
    sparse("64 GiB of numbers") {
      $0.keys.append((Array("a".utf8), TestGGUF.array(0, 60 << 30, [])))
    },
    sparse("a text of 60 GiB") {
      $0.keys.append((Array("a".utf8), little(8 as UInt32) + little(60 << 30 as UInt64)))
    },
    sparse("two billion keys of zeros") { ($0.keyCount, $0.tensors) = (2 << 30, []) },
    sparse("two billion tensors of zeros") { $0.tensorCount = 2 << 30 },
    HostileFile("gguf: a million keys") {
      var bytes =
        TestGGUF().mark + little(3 as UInt32) + little(0 as UInt64) + little(1_000_000 as UInt64)
      for index in 0..<1_000_000 {
        bytes += TestGGUF.string("key.\(index)".utf8) + [7, 0, 0, 0, 1]
      }
      return bytes
    },
    HostileFile("gguf: a million tensors") {
      var bytes =
        TestGGUF().mark + little(3 as UInt32) + little(1_000_000 as UInt64) + little(0 as UInt64)
      let rest =
        little(1 as UInt32) + little(0 as UInt64) + little(0 as UInt32) + little(0 as UInt64)
      for index in 0..<1_000_000 { bytes += TestGGUF.string("tensor.\(index)".utf8) + rest }
      return bytes
    },
  ]
}
