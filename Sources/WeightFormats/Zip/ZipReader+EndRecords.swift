extension ZipReader {
  /// What the records at the file's end agree on.
  struct End {
    var recordCount: Int
    var directoryOffset: Int
    var directoryByteCount: Int
  }

  private static let endByteCount = 22
  private static let locatorByteCount = 20
  private static let end64ByteCount = 56

  /// Reads the end record, which must be the file's last 22 bytes, and the zip64 records before it if they are there.
  static func endRecords(of source: any ByteSource) throws(FormatError) -> End {
    guard source.byteCount >= endByteCount else {
      throw FormatError(.truncated, "\(source.byteCount) bytes are too few for a zip archive")
    }
    let endOffset = source.byteCount - endByteCount
    var end = ZipReaderCursor(try source.bytes(at: endOffset, count: endByteCount, what: "the zip end record"))
    guard try end.word() == 0x0605_4B50 else {
      throw FormatError(
        .truncated, "the zip archive does not end with an end record: it is cut off, or a comment or other bytes follow"
      )
    }
    guard try end.half() == 0, try end.half() == 0 else {
      throw FormatError(.unsupported, "the zip archive spans several disks")
    }
    let countHere = try end.half()
    let count = try end.half()
    let byteCount = try end.word()
    let offset = try end.word()
    guard countHere == count, try end.half() == 0 else {
      throw FormatError(.malformed, "the zip end record contradicts itself or announces a comment")
    }
    let found: End
    let expectedEnd: Int
    if let wide = try wideEndRecords(of: source, before: endOffset) {
      guard agrees(count, wide.end.recordCount, cap: UInt16.max),
        agrees(byteCount, wide.end.directoryByteCount, cap: UInt32.max),
        agrees(offset, wide.end.directoryOffset, cap: UInt32.max)
      else { throw FormatError(.malformed, "the zip end record and the zip64 end record disagree") }
      found = wide.end
      expectedEnd = wide.offset
    } else {
      found = End(recordCount: Int(count), directoryOffset: Int(offset), directoryByteCount: Int(byteCount))
      expectedEnd = endOffset
    }
    let (directoryEnd, overflow) = found.directoryOffset.addingReportingOverflow(found.directoryByteCount)
    guard !overflow, directoryEnd == expectedEnd else {
      throw FormatError(
        .malformed,
        "the zip central directory is said to be \(found.directoryByteCount) bytes at offset \(found.directoryOffset), "
          + "which does not end at \(expectedEnd), where the end records begin")
    }
    return found
  }

  /// The zip64 end record and locator, which stand just before the end record; nil if there is no locator.
  private static func wideEndRecords(
    of source: any ByteSource, before endOffset: Int
  ) throws(FormatError) -> (end: End, offset: Int)? {
    let locatorOffset = endOffset - locatorByteCount
    guard locatorOffset >= 0 else { return nil }
    var locator = ZipReaderCursor(
      try source.bytes(at: locatorOffset, count: locatorByteCount, what: "the zip64 end locator"))
    guard try locator.word() == 0x0706_4B50 else { return nil }
    let disk = try locator.word()
    let offset = locatorOffset - end64ByteCount
    guard offset >= 0, disk == 0, try locator.long() == UInt64(offset), try locator.word() == 1 else {
      throw FormatError(.malformed, "the zip64 end locator does not point at a zip64 end record just before it")
    }
    var record = ZipReaderCursor(try source.bytes(at: offset, count: end64ByteCount, what: "the zip64 end record"))
    guard try record.word() == 0x0606_4B50, try record.long() == UInt64(end64ByteCount - 12) else {
      throw FormatError(.malformed, "expected a zip64 end record of \(end64ByteCount) bytes at offset \(offset)")
    }
    _ = try record.half()  // made by
    _ = try record.half()  // needed to extract
    guard try record.word() == 0, try record.word() == 0 else {
      throw FormatError(.unsupported, "the zip archive spans several disks")
    }
    let countHere = try record.long()
    let count = try record.long()
    let byteCount = try record.long()
    let directoryOffset = try record.long()
    guard countHere == count, let recordCount = Int(exactly: count), let directoryByteCount = Int(exactly: byteCount),
      let directoryOffset = Int(exactly: directoryOffset)
    else { throw FormatError(.malformed, "the zip64 end record contradicts itself") }
    let end = End(recordCount: recordCount, directoryOffset: directoryOffset, directoryByteCount: directoryByteCount)
    return (end, offset)
  }

  /// Whether a narrow field states `value`, or is full where `value` does not fit.
  private static func agrees<Field: FixedWidthInteger>(_ field: Field, _ value: Int, cap: Field) -> Bool {
    if let exact = Field(exactly: value) { return field == exact || field == cap }
    return field == cap
  }
}
