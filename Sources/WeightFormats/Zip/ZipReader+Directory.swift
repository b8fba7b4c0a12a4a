extension ZipReader {
  /// A header of the central directory.
  struct Entry {
    var byteCount: Int
    /// Where the record's local header begins.
    var headerOffset: Int
    var name: ZipNames.Place
    var crc32: UInt32
    var flags: UInt16
    var method: UInt16
  }

  /// General purpose flag 3: checksum and sizes follow the data in a descriptor.
  static let descriptorFlag: UInt16 = 0x0008
  /// General purpose flag 11: the name is UTF-8.
  static let unicodeFlag: UInt16 = 0x0800
  /// The extra field that holds 64-bit sizes and offsets.
  static let wideExtra: UInt16 = 0x0001
  /// torch's padding, `FB`, which aligns the data behind it.
  static let paddingExtra: UInt16 = 0x4246

  /// Bytes that a record takes while the archive is checked, beside those that it keeps: its entry, its place in the order of
  /// the file and in the table of names.
  static let temporaryCost = MemoryLayout<Entry>.stride + 8 + 24

  /// Reads the central directory, and pays for it and for what will be known of its records.
  static func directory(
    of source: any ByteSource, end: End, budget: inout MemoryBudget
  ) throws(FormatError) -> (bytes: [UInt8], entries: [Entry]) {
    guard end.directoryByteCount <= directoryLimit else {
      throw FormatError(
        .limit,
        "the zip central directory has \(end.directoryByteCount) bytes, more than the \(directoryLimit) accepted")
    }
    guard end.recordCount <= end.directoryByteCount / 46 else {
      throw FormatError(
        .malformed, "\(end.recordCount) records do not fit in a central directory of \(end.directoryByteCount) bytes")
    }
    guard end.recordCount <= recordLimit else {
      throw FormatError(.limit, "the zip archive has \(end.recordCount) records, more than the \(recordLimit) accepted")
    }
    try budget.charge(end.directoryByteCount)
    try budget.charge(
      end.recordCount * (temporaryCost + MemoryLayout<Record>.stride + MemoryLayout<ZipNames.Place>.stride))
    let bytes = try source.bytes(
      at: end.directoryOffset, count: end.directoryByteCount, what: "the zip central directory")
    var cursor = ZipReaderCursor(bytes)
    var entries: [Entry] = []
    entries.reserveCapacity(end.recordCount)
    for index in 0..<end.recordCount {
      let entry = try entry(from: &cursor, of: bytes, index: index)
      guard entry.headerOffset < end.directoryOffset else {
        throw FormatError(
          .malformed,
          "record \(text(entry.name, in: bytes)) is said to begin at offset \(entry.headerOffset), behind the records")
      }
      entries.append(entry)
    }
    guard cursor.isAtEnd else {
      throw FormatError(
        .malformed, "the zip central directory has \(cursor.remaining) bytes more than its \(end.recordCount) records")
    }
    return (bytes, entries)
  }

  private static func text(_ place: ZipNames.Place, in bytes: [UInt8]) -> String {
    String(decoding: bytes[place.range], as: UTF8.self)
  }

  private static func entry(
    from cursor: inout ZipReaderCursor, of bytes: [UInt8], index: Int
  ) throws(FormatError) -> Entry {
    guard try cursor.word() == 0x0201_4B50 else {
      throw FormatError(.malformed, "header \(index) of the zip central directory does not begin with its signature")
    }
    _ = try cursor.half()  // made by
    _ = try cursor.half()  // needed to extract
    let flags = try cursor.half()
    let method = try cursor.half()
    _ = try cursor.word()  // time and date
    let crc32 = try cursor.word()
    let compressed = try cursor.word()
    let uncompressed = try cursor.word()
    let nameByteCount = Int(try cursor.half())
    let extraByteCount = Int(try cursor.half())
    let commentByteCount = try cursor.half()
    let disk = try cursor.half()
    _ = try cursor.half()  // internal attributes
    _ = try cursor.word()  // external attributes
    let offset = try cursor.word()
    let nameBytes = try cursor.bytes(nameByteCount)
    try checkName(nameBytes, flags: flags, index: index)
    let place = ZipNames.Place(nameBytes.indices)
    var name: String { text(place, in: bytes) }
    guard commentByteCount == 0, disk == 0 else {
      throw FormatError(.malformed, "record \(name) has a comment or lies on another disk")
    }
    var wide: [UInt64] = []
    var extra = ZipReaderCursor(try cursor.bytes(extraByteCount))
    while !extra.isAtEnd {
      let kind = try extra.half()
      var field = ZipReaderCursor(try extra.bytes(Int(try extra.half())))
      guard kind == wideExtra, wide.isEmpty, !field.isAtEnd else {
        throw FormatError(.malformed, "the central header of record \(name) has an unknown extra field \(kind)")
      }
      while !field.isAtEnd { wide.append(try field.long()) }
    }
    // The zip64 field holds those values, in this order, whose narrow fields are full.
    var unread = wide[...]
    func value(_ narrow: UInt32) -> UInt64? { narrow == UInt32.max ? unread.popFirst() : UInt64(narrow) }
    guard let size = value(uncompressed), let stored = value(compressed), let headerOffset = value(offset),
      unread.isEmpty
    else { throw FormatError(.malformed, "the zip64 field of record \(name) does not hold what its header leaves out") }
    guard size == stored || method != 0 else {
      throw FormatError(.malformed, "record \(name) is stored, but its two sizes are \(stored) and \(size)")
    }
    guard let byteCount = Int(exactly: size), let headerOffset = Int(exactly: headerOffset) else {
      throw FormatError(.malformed, "record \(name) is said to have \(size) bytes at offset \(headerOffset)")
    }
    return Entry(
      byteCount: byteCount, headerOffset: headerOffset, name: place, crc32: crc32, flags: flags, method: method)
  }

  private static func checkName(_ bytes: ArraySlice<UInt8>, flags: UInt16, index: Int) throws(FormatError) {
    if bytes.allSatisfy({ $0 < 0x80 }) { return }
    guard flags & unicodeFlag != 0, String(validating: bytes, as: UTF8.self) != nil else {
      throw FormatError(.malformed, "the name of record \(index) of the zip archive is not marked and valid UTF-8")
    }
  }

  /// Refuses what is encrypted or compressed, and flags that change how a record is read.
  static func checkStorage(of entry: Entry, names: ZipNames) throws(FormatError) {
    var name: String { names.string(entry.name) }
    guard entry.flags & 0x2041 == 0 else { throw FormatError(.unsupported, "record \(name) is encrypted") }
    guard entry.method == 0 else {
      throw FormatError(
        .unsupported,
        "record \(name) is compressed (method \(entry.method)); torch's archives hold stored records only")
    }
    guard entry.flags & ~(descriptorFlag | unicodeFlag) == 0 else {
      throw FormatError(
        .malformed, "record \(name) has the flags \(entry.flags), of which only 8 and 2048 are known here")
    }
  }
}
