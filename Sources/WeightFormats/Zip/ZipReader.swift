import Tensors

/// A strict reader of the zip archives that torch writes: stored records, nothing hidden, nothing ambiguous.
///
/// Every byte of the file belongs to exactly one local header, record, data descriptor, the central directory or the end
/// records, and every fact that a zip archive states twice must be stated alike. So no other reader can see other records
/// in the file than this one does. Record data is not read. Layout: APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
///
///     +--------------------------------------------+
///     | local header, name, extra | data | descr.  |  per record, without gaps, the first at offset 0
///     +--------------------------------------------+
///     | central directory, one header per record   |
///     +--------------------------------------------+
///     | [zip64 end record] [zip64 locator] end     |  at the very end of the file, without a comment
///     +--------------------------------------------+
package struct ZipReader: Sendable {
  /// A file in the archive.
  package struct Record: Sendable, Hashable {
    let name: ZipNames.Place
    /// Where the record's data begins in the file.
    package var offset: Int
    package var byteCount: Int
    /// The checksum that the central directory (and a descriptor, if there is one) states. Nobody has compared it with the
    /// data yet.
    package var crc32: UInt32
  }

  /// Bytes of central directory that are accepted.
  package static let directoryLimit = 16 << 20
  /// Records that are accepted.
  package static let recordLimit = 1 << 18

  /// In the order of the central directory.
  package let records: [Record]
  private let names: ZipNames
  private let source: any ByteSource

  /// Reads an archive for itself.
  package init(_ source: any ByteSource) throws(FormatError) {
    var budget = MemoryBudget(MemoryBudget.torchLimit)
    try self.init(source, budget: &budget) { _ in }
  }

  /// Reads the end records, the central directory and all local headers of `source`, and checks them against each other.
  ///
  /// - Parameter inspect: sees the records' names before their compression and places are checked, so that it can refuse
  ///   archives of other kinds with a better reason.
  /// - Throws: `truncated`, `malformed`, `unsupported` (compression, encryption, several disks) or `limit`.
  init(
    _ source: any ByteSource, budget: inout MemoryBudget, inspect: (_ names: ZipNames) throws(FormatError) -> Void
  ) throws(FormatError) {
    self.source = source
    let end = try ZipReader.endRecords(of: source)
    let (directory, entries) = try ZipReader.directory(of: source, end: end, budget: &budget)
    names = ZipNames(directory: directory, places: entries.map(\.name))
    try names.check()
    try inspect(names)
    for entry in entries { try ZipReader.checkStorage(of: entry, names: names) }
    records = try ZipReader.locate(entries, names: names, in: source, directoryOffset: end.directoryOffset)
    budget.release(entries.count * ZipReader.temporaryCost)
  }

  /// The record's name: unique, also when ASCII case is ignored (torch ignores it); relative, with no `.` or `..` in it.
  package func name(of record: Record) -> String { names.string(record.name) }

  /// The bytes of the record's name.
  func nameBytes(of record: Record) -> ArraySlice<UInt8> { names.bytes(record.name) }

  /// The record's bytes, compared with its checksum.
  ///
  /// - Throws: `limit` if there are more than `limit` of them, `malformed` if the checksum differs.
  package func contents(of record: Record, limit: Int) throws(FormatError) -> [UInt8] {
    guard record.byteCount <= limit else {
      throw FormatError(
        .limit, "record \(name(of: record)) has \(record.byteCount) bytes, more than the \(limit) accepted")
    }
    let bytes = try source.bytes(at: record.offset, count: record.byteCount, what: "record \(name(of: record))")
    let found = CRC32.checksum(bytes)
    guard found == record.crc32 else { throw damaged(record, found) }
    return bytes
  }

  /// Compares the record's bytes with its checksum, in pieces.
  ///
  /// - Throws: as ``contents(of:limit:)``.
  func check(_ record: Record, limit: Int) throws(FormatError) {
    guard record.byteCount <= limit else {
      throw FormatError(
        .limit, "record \(name(of: record)) has \(record.byteCount) bytes, more than the \(limit) accepted")
    }
    var running = CRC32()
    for start in stride(from: 0, to: record.byteCount, by: 1 << 18) {
      let count = min(1 << 18, record.byteCount - start)
      let piece = try source.bytes(at: record.offset + start, count: count, what: "record \(name(of: record))")
      piece.withUnsafeBytes { running.update($0) }
    }
    guard running.value == record.crc32 else { throw damaged(record, running.value) }
  }

  private func damaged(_ record: Record, _ found: UInt32) -> FormatError {
    FormatError(
      .malformed,
      "record \(name(of: record)) is damaged: its CRC-32 is \(hexadecimal(found)), the archive states "
        + hexadecimal(record.crc32))
  }

  private func hexadecimal(_ value: UInt32) -> String { String(value, radix: 16) }
}
