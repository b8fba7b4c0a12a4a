import Foundation
import Tensors

/// A zip archive made by hand, as torch makes them unless told otherwise. What a test wants to be wrong, it changes.
struct TestArchive {
  struct Record {
    var name: String
    var data: [UInt8]
    var flags: UInt16 = 0x0808
    var localName: String?
    var localFlags: UInt16?
    var method: UInt16 = 0
    var localMethod: UInt16?
    var crc32: UInt32?
    var localCRC32: UInt32 = 0
    var localByteCount: UInt32 = 0
    var descriptorCRC32: UInt32?
    var descriptorByteCount: UInt32?
    var isWide = false
    var padding: UInt8 = UInt8(ascii: "Z")
    var localExtra: [UInt8] = []
    var centralExtra: [UInt8] = []
    var byteCount: UInt32?
    var uncompressedByteCount: UInt32?
    var headerOffset: UInt32?
    var comment: [UInt8] = []
    var disk: UInt16 = 0
    /// Bytes after the descriptor that belong to nothing.
    var trailing: [UInt8] = []

    init(_ name: String, _ data: [UInt8]) {
      self.name = name
      self.data = data
    }

    init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }
  }

  var records: [Record]
  var isWide = true
  var comment: [UInt8] = []
  var trailing: [UInt8] = []
  var leading: [UInt8] = []
  var recordCount: Int?
  var directoryOffset: Int?
  var directoryByteCount: Int?
  var wideRecordCount: Int?
  var wideEndOffset: Int?
  var diskCount: UInt32 = 1

  /// A torch archive around a pickle and its storages.
  init(pickle: [UInt8], storages: [(key: String, data: [UInt8])] = [], extra: [Record] = []) {
    records = [Record("archive/data.pkl", pickle), Record("archive/byteorder", "little")]
    records += storages.map { Record("archive/data/\($0.key)", $0.data) }
    records += [Record("archive/version", "3\n")] + extra
  }

  init(_ records: [Record]) { self.records = records }

  /// The file.
  var bytes: [UInt8] {
    var file = leading
    var directory: [UInt8] = []
    for record in records {
      let offset = file.count
      let crc32 = record.crc32 ?? CRC32.checksum(record.data)
      let name = Array(record.name.utf8)
      let localName = Array((record.localName ?? record.name).utf8)
      let local = record.localFlags ?? record.flags
      let padding = 63 - (offset + 30 + localName.count + 4 + record.localExtra.count + 63) % 64
      let extra =
        record.localExtra + [0x46, 0x42] + little(UInt16(padding)) + [UInt8](repeating: record.padding, count: padding)
      file += little(0x0403_4B50 as UInt32) + little(0 as UInt16) + little(local)
      file += little(record.localMethod ?? record.method) + little(0 as UInt32) + little(record.localCRC32)
      file += little(record.localByteCount) + little(record.localByteCount)
      file += little(UInt16(localName.count)) + little(UInt16(extra.count)) + localName + extra + record.data
      if record.flags & 8 != 0 {
        file += little(0x0807_4B50 as UInt32) + little(record.descriptorCRC32 ?? crc32)
        let count = record.descriptorByteCount ?? UInt32(record.data.count)
        file += record.isWide ? little(UInt64(count)) + little(UInt64(count)) : little(count) + little(count)
      }
      file += record.trailing
      let count = record.byteCount ?? UInt32(record.data.count)
      directory += little(0x0201_4B50 as UInt32) + little(0 as UInt32) + little(record.flags) + little(record.method)
      directory += little(0 as UInt32) + little(crc32) + little(count) + little(record.uncompressedByteCount ?? count)
      directory += little(UInt16(name.count)) + little(UInt16(record.centralExtra.count))
      directory += little(UInt16(record.comment.count)) + little(record.disk) + [0, 0, 0, 0, 0, 0]
      directory += little(record.headerOffset ?? UInt32(offset)) + name + record.centralExtra + record.comment
    }
    let offset = directoryOffset ?? file.count
    let count = directoryByteCount ?? directory.count
    file += directory
    if isWide {
      let end = file.count
      let wideCount = UInt64(wideRecordCount ?? recordCount ?? records.count)
      file += little(0x0606_4B50 as UInt32) + little(44 as UInt64) + little(0x002D_031E as UInt32)
      file +=
        little(0 as UInt64) + little(wideCount) + little(wideCount) + little(UInt64(count)) + little(UInt64(offset))
      file +=
        little(0x0706_4B50 as UInt32) + little(0 as UInt32) + little(UInt64(wideEndOffset ?? end)) + little(diskCount)
    }
    let narrowCount = UInt16(truncatingIfNeeded: recordCount ?? records.count)
    file += little(0x0605_4B50 as UInt32) + little(0 as UInt32) + little(narrowCount) + little(narrowCount)
    file += little(UInt32(count)) + little(UInt32(offset)) + little(UInt16(comment.count)) + comment + trailing
    return file
  }
}

/// The little-endian bytes of an integer.
func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian, Array.init)
}

/// Pickles spelled out opcode by opcode.
enum TestPickle {
  static let empty: [UInt8] = text("}")
  static let stop: [UInt8] = text(".")

  static func text(_ opcodes: String) -> [UInt8] { Array(opcodes.utf8) }

  static func global(_ module: String, _ name: String) -> [UInt8] { text("c\(module)\n\(name)\n") }

  static func string(_ value: String) -> [UInt8] { text("X") + little(UInt32(value.utf8.count)) + Array(value.utf8) }

  static func integer(_ value: Int) -> [UInt8] {
    if let small = UInt8(exactly: value) { return text("K") + [small] }
    if let word = Int32(exactly: value) { return text("J") + little(word) }
    return [0x8A, 8] + little(Int64(value))
  }

  /// A tuple of any length.
  static func tuple(_ parts: [UInt8]...) -> [UInt8] { text("(") + parts.joined() + text("t") }

  static func integers(_ values: [Int]) -> [UInt8] { text("(") + values.flatMap(integer) + text("t") }

  static let orderedDict: [UInt8] = global("collections", "OrderedDict") + text(")R")

  static func storage(
    _ key: String = "0", type: String = "FloatStorage", count: Int, location: String = "cpu"
  ) -> [UInt8] {
    tuple(string("storage"), global("torch", type), string(key), string(location), integer(count)) + text("Q")
  }

  /// `_rebuild_tensor_v2` of a storage.
  static func tensor(
    _ storage: [UInt8], offset: Int = 0, shape: [Int], strides: [Int], requiresGrad: [UInt8] = [0x89],
    hooks: [UInt8] = orderedDict
  ) -> [UInt8] {
    global("torch._utils", "_rebuild_tensor_v2")
      + tuple(storage, integer(offset), integers(shape), integers(strides), requiresGrad, hooks) + text("R")
  }

  /// A dict of named values, as a whole pickle.
  static func dict(_ entries: [(String, [UInt8])]) -> [UInt8] {
    [0x80, 2] + text("}(") + entries.flatMap { string($0) + $1 } + text("u.")
  }

  /// A whole pickle of one value.
  static func whole(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + stop }
}
