import Tensors

/// A zip archive made by hand, as torch makes them unless told otherwise. What a test wants to be wrong, it changes.
package struct TestArchive {
  package struct Record {
    package var name: String
    package var data: [UInt8]
    package var flags: UInt16 = 0x0808
    package var localName: String?
    package var localFlags: UInt16?
    package var method: UInt16 = 0
    package var localMethod: UInt16?
    package var crc32: UInt32?
    package var localCRC32: UInt32 = 0
    package var localByteCount: UInt32 = 0
    package var descriptorCRC32: UInt32?
    package var descriptorByteCount: UInt32?
    package var isWide = false
    package var padding: UInt8 = UInt8(ascii: "Z")
    package var localExtra: [UInt8] = []
    package var centralExtra: [UInt8] = []
    package var byteCount: UInt32?
    package var uncompressedByteCount: UInt32?
    package var headerOffset: UInt32?
    package var comment: [UInt8] = []
    package var disk: UInt16 = 0
    /// Bytes after the descriptor that belong to nothing.
    package var trailing: [UInt8] = []

    package init(_ name: String, _ data: [UInt8]) {
      self.name = name
      self.data = data
    }

    package init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }
  }

  package var records: [Record]
  package var isWide = true
  package var comment: [UInt8] = []
  package var trailing: [UInt8] = []
  package var leading: [UInt8] = []
  package var recordCount: Int?
  package var directoryOffset: Int?
  package var directoryByteCount: Int?
  package var wideRecordCount: Int?
  package var wideEndOffset: Int?
  package var diskCount: UInt32 = 1

  /// A torch archive around a pickle and its storages.
  package init(pickle: [UInt8], storages: [(key: String, data: [UInt8])] = [], extra: [Record] = []) {
    records = [Record("archive/data.pkl", pickle), Record("archive/byteorder", "little")]
    records += storages.map { Record("archive/data/\($0.key)", $0.data) }
    records += [Record("archive/version", "3\n")] + extra
  }

  package init(_ records: [Record]) { self.records = records }

  /// The file.
  package var bytes: [UInt8] {
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
