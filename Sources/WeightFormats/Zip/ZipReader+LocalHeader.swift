extension ZipReader {
  private static let headerByteCount = 30
  /// Bytes that are read at once where a record begins: a header with torch's padding, and small records wholly.
  private static let windowByteCount = 512

  /// The bytes from where a record begins, as many as were read at once.
  private struct Window {
    let source: any ByteSource
    let offset: Int
    let bytes: [UInt8]

    init(_ source: any ByteSource, from offset: Int, to end: Int, what: String) throws(FormatError) {
      self.source = source
      self.offset = offset
      bytes = try source.bytes(at: offset, count: min(end - offset, windowByteCount), what: what)
    }

    /// `count` bytes at `position` in the file.
    func read(_ position: Int, _ count: Int, what: @autoclosure () -> String) throws(FormatError) -> ArraySlice<UInt8> {
      let start = position - offset
      if start >= 0, count >= 0, start <= bytes.count, count <= bytes.count - start {
        return bytes[start..<start + count]
      }
      return try source.bytes(at: position, count: count, what: what())[...]
    }
  }

  /// Reads all local headers and descriptors, and checks that the records follow one another without a gap.
  ///
  /// - Parameter directoryOffset: where the records must end.
  /// - Returns: parallel to `entries`.
  static func locate(
    _ entries: [Entry], names: ZipNames, in source: any ByteSource, directoryOffset: Int
  ) throws(FormatError) -> [Record] {
    let order = entries.indices.sorted { entries[$0].headerOffset < entries[$1].headerOffset }
    var records = entries.map { Record(name: $0.name, offset: 0, byteCount: $0.byteCount, crc32: $0.crc32) }
    var position = 0
    for (rank, index) in order.enumerated() {
      let entry = entries[index]
      var name: String { names.string(entry.name) }
      let end = rank + 1 < order.count ? entries[order[rank + 1]].headerOffset : directoryOffset
      guard entry.headerOffset == position else {
        throw FormatError(
          .malformed,
          "record \(name) begins at offset \(entry.headerOffset), but \(position) was the next free one")
      }
      guard end - entry.headerOffset >= headerByteCount + entry.name.range.count else {
        throw FormatError(
          .malformed,
          "the local header of record \(name) at offset \(entry.headerOffset) overlaps what follows at \(end)")
      }
      let window = try Window(source, from: entry.headerOffset, to: end, what: "a local header of the zip archive")
      let offset = try dataOffset(of: entry, names: names, in: window, end: end)
      try checkDescriptor(of: entry, names: names, in: window, at: offset + entry.byteCount, end: end)
      records[index].offset = offset
      position = end
    }
    guard position == directoryOffset else {
      throw FormatError(
        .malformed, "\(directoryOffset - position) bytes before the central directory belong to no record")
    }
    return records
  }

  /// Checks a local header against the central one; returns where the data begins.
  ///
  /// - Parameter end: where the next record begins.
  private static func dataOffset(
    of entry: Entry, names: ZipNames, in window: Window, end: Int
  ) throws(FormatError) -> Int {
    let nameByteCount = entry.name.range.count
    var name: String { names.string(entry.name) }
    var what: String { "the local header of record \(name)" }
    var header = ZipReaderCursor(
      try window.read(entry.headerOffset, headerByteCount + nameByteCount, what: what))
    guard try header.word() == 0x0403_4B50 else {
      throw FormatError(.malformed, "\(what) at offset \(entry.headerOffset) does not begin with its signature")
    }
    _ = try header.half()  // needed to extract
    let flags = try header.half()
    let method = try header.half()
    _ = try header.word()  // time and date
    let crc32 = try header.word()
    let stored = try header.word()
    let size = try header.word()
    let statedNameByteCount = Int(try header.half())
    let extraByteCount = Int(try header.half())
    guard statedNameByteCount == nameByteCount, try header.bytes(nameByteCount).elementsEqual(names.bytes(entry.name))
    else {
      throw FormatError(.malformed, "\(what) gives another name than the central directory")
    }
    guard flags == entry.flags, method == 0 else {
      throw FormatError(.malformed, "\(what) gives other flags or another method than the central directory")
    }
    let extraOffset = entry.headerOffset + headerByteCount + nameByteCount
    guard end - extraOffset >= extraByteCount, end - extraOffset - extraByteCount >= entry.byteCount else {
      throw FormatError(
        .malformed, "record \(name) of \(entry.byteCount) bytes overlaps what follows at offset \(end)")
    }
    let wide = try localExtra(try window.read(extraOffset, extraByteCount, what: what), of: entry, name: name)
    let isDeferred = flags & descriptorFlag != 0
    guard crc32 == entry.crc32 || isDeferred && crc32 == 0,
      agrees(size, entry.byteCount, isDeferred: isDeferred, isWide: wide),
      agrees(stored, entry.byteCount, isDeferred: isDeferred, isWide: wide)
    else { throw FormatError(.malformed, "\(what) gives another checksum or size than the central directory") }
    return extraOffset + extraByteCount
  }

  /// Whether a size in a local header states `byteCount`: as it is, as a zero that the descriptor makes good, or as a full
  /// field whose value is in a zip64 field.
  private static func agrees(_ field: UInt32, _ byteCount: Int, isDeferred: Bool, isWide: Bool) -> Bool {
    if field == UInt32.max, isWide { return true }
    if UInt32(exactly: byteCount) == field { return true }
    return isDeferred && field == 0
  }

  /// Checks the extra fields of a local header; returns whether one of them gives the sizes in 64 bits.
  ///
  /// torch writes [size, 0] for a record of 4 GiB and more, then its header's offset if that is beyond 4 GiB; the offset
  /// alone for a smaller record there.
  private static func localExtra(
    _ bytes: ArraySlice<UInt8>, of entry: Entry, name: @autoclosure () -> String
  ) throws(FormatError) -> Bool {
    var extra = ZipReaderCursor(bytes)
    // Only two kinds are known, so that nothing is ever looked up in a long list.
    var seen: [UInt16] = []
    var givesSizes = false
    while !extra.isAtEnd {
      let kind = try extra.half()
      var field = ZipReaderCursor(try extra.bytes(Int(try extra.half())))
      guard !seen.contains(kind) else {
        throw FormatError(.malformed, "the local header of record \(name()) repeats extra field \(kind)")
      }
      seen.append(kind)
      switch kind {
      case wideExtra:
        let byteCount = UInt64(entry.byteCount)
        var values: [UInt64] = []
        while !field.isAtEnd { values.append(try field.long()) }
        let sizes = values.count >= 2 ? values.prefix(2) : []
        let offset = values.dropFirst(sizes.count)
        let isDeferred = entry.flags & descriptorFlag != 0
        guard (1...3).contains(values.count),
          sizes.allSatisfy({ $0 == byteCount || isDeferred && $0 == 0 }),
          offset.allSatisfy({ $0 == UInt64(entry.headerOffset) })
        else {
          throw FormatError(
            .malformed, "the zip64 field in the local header of record \(name()) contradicts the central directory")
        }
        givesSizes = !sizes.isEmpty
      case paddingExtra:
        guard try field.rest().allSatisfy({ $0 == UInt8(ascii: "Z") }) else {
          throw FormatError(.malformed, "the padding before record \(name()) is not made of the letter Z")
        }
      default:
        throw FormatError(.malformed, "the local header of record \(name()) has an unknown extra field \(kind)")
      }
    }
    return givesSizes
  }

  /// Checks what stands between a record's data and the next record: nothing, or a descriptor that repeats the central
  /// directory, with sizes of 32 or 64 bits.
  private static func checkDescriptor(
    of entry: Entry, names: ZipNames, in window: Window, at offset: Int, end: Int
  ) throws(FormatError) {
    var name: String { names.string(entry.name) }
    let gap = end - offset
    guard entry.flags & descriptorFlag != 0 else {
      guard gap == 0 else {
        throw FormatError(.malformed, "\(gap) bytes after record \(name) at offset \(offset) belong to nothing")
      }
      return
    }
    guard gap == 16 || gap == 24 else {
      throw FormatError(
        .malformed,
        "expected a data descriptor of 16 or 24 bytes after record \(name) at offset \(offset), found \(gap) bytes"
      )
    }
    var descriptor = ZipReaderCursor(
      try window.read(offset, gap, what: "the data descriptor of record \(name)"))
    let signature = try descriptor.word()
    let crc32 = try descriptor.word()
    let stored = gap == 24 ? try descriptor.long() : UInt64(try descriptor.word())
    let size = gap == 24 ? try descriptor.long() : UInt64(try descriptor.word())
    let byteCount = UInt64(entry.byteCount)
    guard signature == 0x0807_4B50, crc32 == entry.crc32, stored == byteCount, size == byteCount else {
      throw FormatError(.malformed, "the data descriptor of record \(name) contradicts the central directory")
    }
  }
}
