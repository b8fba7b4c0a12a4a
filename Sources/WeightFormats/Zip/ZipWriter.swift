import Tensors

/// Lays out an uncompressed zip archive as torch's writer (PyTorchStreamWriter on miniz) makes it.
///
/// Each record:
///
///     | PK\3\4 header: 30 bytes | name | extra: [zip64] FB padding | data, aligned | PK\7\8 descriptor, if not empty |
///
/// and at the end the central directory, a zip64 end record, its locator, and the classic end record; always all three.
/// Sizes and offsets from 2^32 - 1 on go into zip64 fields. The quirks (versions of 0, header fields of 0 in spite of the
/// descriptor) are torch's.
struct ZipWriter {
  /// What every record's name begins with: the top folder and a slash.
  private let prefix: [UInt8]
  private let alignment: Int
  private var layout = FileLayout()
  /// Literal bytes that are not in the layout yet.
  private var pending: [UInt8] = []
  /// Size of the file so far.
  private var position = 0
  private var directory: [UInt8] = []
  /// Bytes of the directory so far that were only counted.
  private var countedDirectoryByteCount = 0
  private var recordCount = 0
  /// Whether bytes are counted and not kept.
  private let isMeasuring: Bool
  /// The hash over what was added so far.
  private(set) var serializationID = SerializationID()

  /// From this value on, 32-bit fields of zip are not enough.
  private static let limit32 = 0xFFFF_FFFF
  /// More than any header with its name, extra field and padding.
  private static let overheadLimit = 1 << 20

  /// Starts an archive whose records' names begin with `topName` and a slash, and whose data is aligned to `alignment`.
  ///
  /// - Parameter isMeasuring: whether only its size is wanted, so that nothing is kept of it.
  init(topName: String, alignment: Int, isMeasuring: Bool = false) {
    prefix = Array("\(topName)/".utf8)
    self.alignment = alignment
    self.isMeasuring = isMeasuring
  }

  /// Makes room for so many records.
  mutating func reserve(recordCount: Int) {
    // With names of some ten characters a record takes less than 96 bytes in the directory.
    directory.reserveCapacity(recordCount * 96)
    layout.reserve(segmentCount: 2 * recordCount)
  }

  /// Adds a record with the bytes `data`.
  mutating func add(_ name: String, literal data: [UInt8]) throws(FormatError) {
    if isMeasuring { return try measure(name, byteCount: data.count) }
    let offset = try begin(name, byteCount: data.count)
    flush()
    layout.append(literal: data)
    end(name, offset: offset, byteCount: data.count, checksum: CRC32.checksum(data))
  }

  /// Counts a record with `byteCount` bytes, in an archive that is only measured.
  mutating func measure(_ name: String, byteCount: Int) throws(FormatError) {
    let offset = try begin(name, byteCount: byteCount)
    end(name, offset: offset, byteCount: byteCount, checksum: 0)
    countedDirectoryByteCount += directory.count
    directory.removeAll(keepingCapacity: true)
    pending.removeAll(keepingCapacity: true)
  }

  /// Adds a record with the `byteCount` bytes of storage `index`.
  ///
  /// - Parameter checksum: nil if the archive is only measured.
  mutating func add(
    _ name: String, storage index: Int, byteCount: Int, checksum: StorageChecksum?
  ) throws(FormatError) {
    guard let checksum else { return try measure(name, byteCount: byteCount) }
    let offset = try begin(name, byteCount: byteCount)
    if byteCount > 0 {
      flush()
      layout.append(storage: index, offset: 0, byteCount: byteCount)
    }
    // torch takes the checksum from the descriptor that each write ends with, and mistakes data that looks like one.
    if byteCount >= 8, let word = checksum.descriptorWord { serializationID.add(checksum: word) }
    end(name, offset: offset, byteCount: byteCount, checksum: checksum.crc32)
  }

  /// Ends the archive; the writer is empty then.
  mutating func finish() throws(FormatError) -> FileLayout {
    flush()
    layout.append(literal: directory)
    appendEndRecords()
    flush()
    // Who hands it over must not keep it: whoever appends to it then would copy it.
    defer { self = ZipWriter(topName: "", alignment: alignment) }
    return layout
  }

  /// Ends an archive that is only measured, and returns its size.
  mutating func finishMeasuring() -> Int {
    appendEndRecords()
    return position + countedDirectoryByteCount + pending.count
  }

  private mutating func appendEndRecords() {
    let directoryOffset = position
    let directoryByteCount = countedDirectoryByteCount + directory.count
    let endOffset = directoryOffset + directoryByteCount
    pending.append(contentsOf: [0x50, 0x4B, 0x06, 0x06])
    pending.append(littleEndian: UInt64(44))
    pending.append(littleEndian: UInt16(0x031E))
    pending.append(littleEndian: UInt16(0x002D))
    pending.append(littleEndian: UInt32(0))
    pending.append(littleEndian: UInt32(0))
    pending.append(littleEndian: UInt64(recordCount))
    pending.append(littleEndian: UInt64(recordCount))
    pending.append(littleEndian: UInt64(directoryByteCount))
    pending.append(littleEndian: UInt64(directoryOffset))

    pending.append(contentsOf: [0x50, 0x4B, 0x06, 0x07])
    pending.append(littleEndian: UInt32(0))
    pending.append(littleEndian: UInt64(endOffset))
    pending.append(littleEndian: UInt32(1))

    pending.append(contentsOf: [0x50, 0x4B, 0x05, 0x06])
    pending.append(littleEndian: UInt32(0))
    pending.append(littleEndian: UInt16(clamping: recordCount))
    pending.append(littleEndian: UInt16(clamping: recordCount))
    pending.append(littleEndian: UInt32(clamping: directoryByteCount))
    pending.append(littleEndian: UInt32(clamping: directoryOffset))
    pending.append(littleEndian: UInt16(0))
  }

  /// Appends a record's local header, with padding that aligns its data, and returns the header's offset.
  private mutating func begin(_ name: String, byteCount: Int) throws(FormatError) -> Int {
    let offset = position
    guard byteCount <= StateDict.maximumLayoutByteCount - Self.overheadLimit,
      offset <= StateDict.maximumLayoutByteCount - Self.overheadLimit - byteCount,
      recordCount < SerializationID.maximumRecordCount
    else {
      throw FormatError(
        .limit, "record \(name): a file of more than \(StateDict.maximumLayoutByteCount) bytes or too many records")
    }
    let start = pending.count
    let isBig = byteCount >= Self.limit32
    let isFar = offset >= Self.limit32
    var zip64: [UInt8] = []
    if isBig || isFar {
      zip64.append(littleEndian: UInt16(1))
      zip64.append(littleEndian: UInt16((isBig ? 16 : 0) + (isFar ? 8 : 0)))
      if isBig {
        zip64.append(littleEndian: UInt64(byteCount))
        zip64.append(littleEndian: UInt64(0))
      }
      if isFar { zip64.append(littleEndian: UInt64(offset)) }
    }
    let nameByteCount = prefix.count + name.utf8.count
    let unpadded = offset + 30 + nameByteCount + zip64.count + 4
    let padding = (alignment - unpadded % alignment) % alignment
    pending.append(contentsOf: [0x50, 0x4B, 0x03, 0x04])
    pending.append(littleEndian: UInt16(0))
    pending.append(littleEndian: Self.flags(byteCount: byteCount))
    // Method (stored), time, date, checksum and both sizes.
    pending.append(contentsOf: repeatElement(0, count: 18))
    pending.append(littleEndian: UInt16(clamping: nameByteCount))
    pending.append(littleEndian: UInt16(clamping: zip64.count + 4 + padding))
    pending.append(contentsOf: prefix)
    pending.append(contentsOf: name.utf8)
    pending.append(contentsOf: zip64)
    pending.append(contentsOf: "FB".utf8)
    pending.append(littleEndian: UInt16(clamping: padding))
    pending.append(contentsOf: repeatElement(UInt8(ascii: "Z"), count: padding))
    position += pending.count - start + byteCount
    return offset
  }

  /// Appends a record's descriptor and its entry in the central directory.
  private mutating func end(_ name: String, offset: Int, byteCount: Int, checksum: UInt32) {
    let isBig = byteCount >= Self.limit32
    let isFar = offset >= Self.limit32
    recordCount += 1
    if !isMeasuring { serializationID.add(name: name.utf8) }
    let checksum = byteCount > 0 ? checksum : 0
    if byteCount > 0 {
      serializationID.add(checksum: checksum)
      let start = pending.count
      pending.append(contentsOf: [0x50, 0x4B, 0x07, 0x08])
      pending.append(littleEndian: checksum)
      for _ in 0..<2 {
        if isBig || isFar {
          pending.append(littleEndian: UInt64(byteCount))
        } else {
          pending.append(littleEndian: UInt32(clamping: byteCount))
        }
      }
      position += pending.count - start
    }
    directory.append(contentsOf: [0x50, 0x4B, 0x01, 0x02])
    directory.append(littleEndian: UInt32(0))
    directory.append(littleEndian: Self.flags(byteCount: byteCount))
    // Method, time and date.
    directory.append(contentsOf: repeatElement(0, count: 6))
    directory.append(littleEndian: checksum)
    directory.append(littleEndian: UInt32(clamping: byteCount))
    directory.append(littleEndian: UInt32(clamping: byteCount))
    directory.append(littleEndian: UInt16(clamping: prefix.count + name.utf8.count))
    directory.append(littleEndian: UInt16(isBig || isFar ? 4 + (isBig ? 16 : 0) + (isFar ? 8 : 0) : 0))
    // Comment length, disk, internal and external attributes.
    directory.append(contentsOf: repeatElement(0, count: 10))
    directory.append(littleEndian: UInt32(clamping: offset))
    directory.append(contentsOf: prefix)
    directory.append(contentsOf: name.utf8)
    guard isBig || isFar else { return }
    directory.append(littleEndian: UInt16(1))
    directory.append(littleEndian: UInt16((isBig ? 16 : 0) + (isFar ? 8 : 0)))
    if isBig {
      directory.append(littleEndian: UInt64(byteCount))
      directory.append(littleEndian: UInt64(byteCount))
    }
    if isFar { directory.append(littleEndian: UInt64(offset)) }
  }

  /// UTF-8 names; sizes in a descriptor unless the record is empty.
  private static func flags(byteCount: Int) -> UInt16 { byteCount > 0 ? 0x0808 : 0x0800 }

  private mutating func flush() {
    layout.append(literal: pending)
    // Not the room that a large record took.
    pending.removeAll(keepingCapacity: pending.count < 4096)
  }
}
