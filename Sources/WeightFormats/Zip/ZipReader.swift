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
    /// Unique, also when ASCII case is ignored (torch ignores it); relative, with no `.` or `..` in it.
    package var name: String
    /// Where the record's data begins in the file.
    package var offset: Int
    package var byteCount: Int
    /// The checksum that the central directory (and a descriptor, if there is one) states. Nobody has compared it with the
    /// data yet.
    package var crc32: UInt32
  }

  /// Bytes of central directory that are accepted: about 800,000 records.
  package static let directoryLimit = 64 << 20

  /// In the order of the central directory.
  package let records: [Record]
  private let source: any ByteSource

  /// Reads the end records, the central directory and all local headers of `source`, and checks them against each other.
  ///
  /// - Parameter inspect: sees the records' names before their compression and places are checked, so that it can refuse
  ///   archives of other kinds with a better reason.
  /// - Throws: `truncated`, `malformed`, `unsupported` (compression, encryption, several disks) or `limit`.
  package init(
    _ source: any ByteSource, inspect: (_ names: [String]) throws(FormatError) -> Void = { _ in }
  ) throws(FormatError) {
    self.source = source
    let end = try ZipReader.endRecords(of: source)
    let entries = try ZipReader.directory(of: source, end: end)
    try ZipReader.checkNames(entries)
    try inspect(entries.map(\.name))
    for entry in entries { try ZipReader.checkStorage(of: entry) }
    records = try ZipReader.locate(entries, in: source, directoryOffset: end.directoryOffset)
  }

  /// The record's bytes, compared with its checksum.
  ///
  /// - Throws: `limit` if there are more than `limit` of them, `malformed` if the checksum differs.
  package func contents(of record: Record, limit: Int) throws(FormatError) -> [UInt8] {
    guard record.byteCount <= limit else {
      throw FormatError(.limit, "record \(record.name) has \(record.byteCount) bytes, more than the \(limit) accepted")
    }
    let bytes = try source.bytes(at: record.offset, count: record.byteCount, what: "record \(record.name)")
    let found = CRC32.checksum(bytes)
    guard found == record.crc32 else {
      throw FormatError(
        .malformed,
        "record \(record.name) is damaged: its CRC-32 is \(hexadecimal(found)), the archive states "
          + hexadecimal(record.crc32))
    }
    return bytes
  }

  private func hexadecimal(_ value: UInt32) -> String { String(value, radix: 16) }

  /// Refuses names that are not unique or that another reader could take for another place.
  private static func checkNames(_ entries: [Entry]) throws(FormatError) {
    var seen = Set<String>(minimumCapacity: entries.count)
    for entry in entries {
      let parts = entry.name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      let climbs = parts.contains { part in
        part.isEmpty || part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8)
      }
      guard !climbs, !entry.name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }) else {
        throw FormatError(.malformed, "record name \(entry.name.debugDescription) is not a plain relative path")
      }
      guard seen.insert(entry.name.lowercased()).inserted else {
        throw FormatError(
          .malformed, "two records are named \(entry.name.debugDescription), when upper and lower case count alike")
      }
    }
  }
}
