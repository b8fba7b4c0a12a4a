import TestSupport

private typealias P = TestPickle

extension HostileFile {
  private static let magic: [UInt8] = [
    0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]
  private static let legacyHead = magic + P.whole(P.integer(1001)) + P.dict([("little_endian", [0x88])])

  private static func legacyStorage(_ key: String, _ count: Int) -> [UInt8] {
    P.tuple(
      P.string("storage"), P.global("torch", "FloatStorage"), P.string(key), P.string("cpu"), P.integer(count),
      P.text("N")) + P.text("Q")
  }

  private static func archive(_ change: (inout TestArchive) -> Void) -> [UInt8] {
    let pickle = P.dict([("w", P.tensor(P.storage(count: 4), shape: [4], strides: [1]))])
    var archive = TestArchive(pickle: pickle, storages: [("0", [UInt8](repeating: 1, count: 16))])
    change(&archive)
    return archive.bytes
  }

  /// A central directory of `count` headers that all point at one record, with names of `name`.
  private static func directory(_ count: Int, _ name: (Int) -> String) -> [UInt8] {
    var directory: [UInt8] = []
    for index in 0..<count {
      let name = Array(name(index).utf8)
      directory += little(0x0201_4B50 as UInt32) + [0, 0, 0, 0, 8, 8] + [UInt8](repeating: 0, count: 18)
      directory += little(UInt16(name.count)) + [UInt8](repeating: 0, count: 16) + name
    }
    return archiveEnd(directory, count)
  }

  private static func archiveEnd(_ directory: [UInt8], _ count: Int) -> [UInt8] {
    let record = little(0x0403_4B50 as UInt32) + [UInt8](repeating: 0, count: 26) + [UInt8](repeating: 0, count: 34)
    let end = UInt64(record.count + directory.count)
    var file = record + directory
    file += little(0x0606_4B50 as UInt32) + little(44 as UInt64) + little(0 as UInt32) + little(0 as UInt64)
    file += little(UInt64(count)) + little(UInt64(count))
    file += little(UInt64(directory.count)) + little(UInt64(record.count))
    file += little(0x0706_4B50 as UInt32) + little(0 as UInt32) + little(end) + little(1 as UInt32)
    file += little(0x0605_4B50 as UInt32) + little(0 as UInt32) + [255, 255, 255, 255]
    file += little(UInt32(clamping: directory.count)) + little(UInt32(record.count)) + [0, 0]
    return file
  }

  /// Archives that claim more than they have, or hide what they have.
  static let archives: [HostileFile] = [
    HostileFile("zip: 65535 records in nothing") { archive { $0.recordCount = 65535 } },
    HostileFile("zip: records without number") { archive { $0.wideRecordCount = .max } },
    HostileFile("zip: a directory of four gigabytes") { archive { $0.directoryByteCount = Int(UInt32.max) } },
    HostileFile("zip: a quarter of a million headers for one record") { directory(250_000) { "a/data/\($0)" } },
    HostileFile("zip: headers of one name") { directory(250_000) { _ in "a/data/0" } },
    HostileFile("zip: more records than are accepted") { directory(300_000) { "a\($0)" } },
    HostileFile("zip: names of 64 KiB") { directory(250) { String(repeating: "n", count: 65_500) + String($0) } },
    HostileFile("zip: more directory than is accepted") {
      directory(400) { String(repeating: "n", count: 65_500) + String($0) }
    },
    HostileFile("zip: a pickle of four gigabytes") { archive { $0.records[0].byteCount = .max - 1 } },
    HostileFile("zip: a storage of four gigabytes") { archive { $0.records[2].byteCount = .max - 1 } },
    HostileFile("zip: one record inside another") { archive { $0.records[2].headerOffset = 64 } },
    HostileFile("zip: a compressed pickle") { archive { $0.records[0].method = 8 } },
    HostileFile("zip: two archives in one file") { archive { _ in } + archive { _ in } },
    HostileFile("zip: a tail of gigabytes", byteCount: 8 << 30) { [Stretch(offset: 0, bytes: archive { _ in })] },
    HostileFile("zip: a middle of gigabytes", byteCount: gigabytes) {
      let bytes = archive { _ in }
      let tail = Array(bytes.suffix(98))
      return [Stretch(offset: 0, bytes: bytes), Stretch(offset: gigabytes - 98, bytes: tail)]
    },
  ]

  /// A legacy file of one tensor whose storage claims `count` elements, and of the keys given.
  private static func legacyFile(count: Int, size: Int, keys: [UInt8], data: [UInt8]) -> [UInt8] {
    let tensor = P.tensor(legacyStorage("0", count), shape: [size], strides: [1])
    let list: [UInt8] = P.text("](") + keys + P.text("e")
    return legacyHead + P.dict([("w", tensor)]) + P.whole(list) + data
  }

  private static func manyKeys() -> [UInt8] {
    var keys: [UInt8] = []
    for index in 0..<900_000 { keys += P.text("U") + [6] + Array(String(100_000 + index).utf8.prefix(6)) }
    return keys
  }

  private static let gigabytes = 16 << 30

  /// Legacy files.
  static let legacy: [HostileFile] = [
    HostileFile("legacy: a storage of four gigabytes") {
      legacyFile(count: 1 << 30, size: 4, keys: P.string("0"), data: little(Int64(1 << 30)))
    },
    HostileFile("legacy: a million storage keys") { legacyFile(count: 4, size: 4, keys: manyKeys(), data: []) },
    HostileFile("legacy: gigabytes of zeros behind the head", byteCount: gigabytes) {
      [Stretch(offset: 0, bytes: legacyHead + [0x80, 2])]
    },
    HostileFile("legacy: a string of gigabytes", byteCount: gigabytes) {
      let string: [UInt8] = [0x80, 2, 0x58] + little(UInt32.max)
      return [Stretch(offset: 0, bytes: legacyHead + string)]
    },
    HostileFile("legacy: a hundred storages of one key") {
      var keys: [UInt8] = []
      for _ in 0..<100 { keys += P.string("0") }
      return legacyFile(count: 0, size: 0, keys: keys, data: [UInt8](repeating: 0, count: 800))
    },
    HostileFile("legacy: small headers that are large") {
      let count = 15 << 20
      let lists = [UInt8](repeating: 0x5D, count: count) + [UInt8](repeating: 0x61, count: count)
      return magic + P.whole(P.text("]") + lists)
    },
  ]

  private static func header(_ byteCount: Int, _ begin: String, _ end: String, _ unit: (Int) -> String) -> [UInt8] {
    var text = Array(begin.utf8)
    text.reserveCapacity(byteCount + 256)
    var index = 0
    while text.count < byteCount {
      text += Array(unit(index).utf8)
      index += 1
    }
    text += Array(end.utf8)
    return little(UInt64(text.count)) + text
  }

  private static let empty = #"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#

  /// safetensors files.
  static let safetensors: [HostileFile] = [
    HostileFile("safetensors: a header of exabytes") { little(UInt64.max) + Array("{}".utf8) },
    HostileFile("safetensors: a header of four gigabytes", byteCount: 8 << 30) {
      [Stretch(offset: 0, bytes: little(UInt64(UInt32.max)) + Array("{".utf8))]
    },
    HostileFile("safetensors: a header just too long", byteCount: 200_000_000) {
      [Stretch(offset: 0, bytes: little(100_000_001 as UInt64) + Array("{".utf8))]
    },
    HostileFile("safetensors: a million tensors") { header(40 << 20, "{", "}") { "\"\($0)\":\(empty)," } },
    HostileFile("safetensors: one name a million times") { header(40 << 20, "{", "}") { _ in "\"a\":\(empty)," } },
    HostileFile("safetensors: a million keys in __metadata__") {
      header(40 << 20, "{\"__metadata__\":{", "}}") { "\"\($0)\":\"\"," }
    },
    HostileFile("safetensors: a value of megabytes") {
      header(40 << 20, "{\"__metadata__\":{\"a\":\"", "\"},}") { _ in "xxxxxxxxxxxxxxxx" }
    },
    HostileFile("safetensors: escapes in a value of megabytes") {
      header(40 << 20, "{\"__metadata__\":{\"a\":\"", "\"},}") { _ in "\\u00e9\\ud83d\\ude00" }
    },
    HostileFile("safetensors: a name of megabytes") {
      header(40 << 20, "{\"", "\":\(empty)}") { _ in "xxxxxxxxxxxxxxxx" }
    },
    HostileFile("safetensors: millions of dimensions") {
      header(40 << 20, #"{"a":{"dtype":"U8","shape":[1"#, #"],"data_offsets":[0,1]}}"#) { _ in ",1" }
    },
    HostileFile("safetensors: millions of ignored numbers") {
      header(40 << 20, #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":[1"#, "]},}") { _ in ",1" }
    },
    HostileFile("safetensors: millions of numbers near the limit") {
      header(40 << 20, #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":[1"#, "]},}") { _ in ",1e308" }
    },
    HostileFile("safetensors: millions of ignored strings") {
      header(40 << 20, #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":[1"#, "]},}") { _ in ",\"a\"" }
    },
    HostileFile("safetensors: deep nesting") { header(40 << 20, #"{"a":{"x":"#, "") { _ in "[" } },
    HostileFile("safetensors: a number of megabytes") {
      header(40 << 20, #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1"#, "}}") { _ in "0000000000" }
    },
    HostileFile("safetensors: only spaces") { header(40 << 20, "", "") { _ in "        " } },
    HostileFile("safetensors: tensors that overlap") {
      header(40 << 10, "{\"z\":\(empty)", "}") { ",\"\($0)\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}" }
        + [0]
    },
    HostileFile("safetensors: a shape that overflows") {
      header(1, #"{"a":{"dtype":"F64","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}"#, "}") { _ in ""
      }
    },
  ]
}
