/// A look into a zip archive of any program: each record is checked for itself, deflated or not.
///
/// Records are those of the central directory, which is what Python and torch go by. Source: APPNOTE.TXT 6.3.10.
enum ZipInspection {
  /// Records that are looked at.
  private static let recordLimit = 1 << 20
  private static let endByteCount = 22

  static func recognizes(_ head: [UInt8]) -> Bool {
    head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: [0x50, 0x4B, 0x05, 0x06])
  }

  /// Where a record's data is and how it is kept.
  private struct Record {
    var name: String
    var method: UInt16
    var headerOffset: Int
    var byteCount: Int
  }

  static func check(_ source: any ByteSource) throws(FormatError) {
    guard let directory = try directory(of: source) else { return }
    let top = try topOfTorch(directory, of: source)
    var input = PickleInput(
      SourceStream(source, at: directory.offset, count: directory.byteCount), what: "the zip directory")
    for _ in 0..<recordLimit {
      if try input.isAtEnd() { return }
      guard let record = try record(&input) else { return }
      if record.name.hasSuffix("/constants.pkl") || record.name.contains("/code/") {
        throw FormatError(.unsupported, "a TorchScript archive: a program, not data")
      }
      if record.name.hasSuffix("/.data/extern_modules") {
        throw FormatError(.unsupported, "a torch.package archive: a program, not data")
      }
      try check(record, isStorage: top.map { record.name.hasPrefix($0 + "data/") } ?? false, of: source)
    }
    throw FormatError(.limit, "the zip archive has more than \(recordLimit) records")
  }

  /// The folder of an archive that torch wrote, in which `data/` holds numbers that nobody unpickles; nil for other archives.
  private static func topOfTorch(
    _ directory: (offset: Int, byteCount: Int), of source: any ByteSource
  ) throws(FormatError) -> String? {
    var input = PickleInput(
      SourceStream(source, at: directory.offset, count: directory.byteCount), what: "the zip directory")
    for _ in 0..<recordLimit {
      guard try !input.isAtEnd(), let record = try record(&input) else { return nil }
      if record.name.hasSuffix("/data.pkl") { return String(record.name.dropLast("data.pkl".utf8.count)) }
    }
    return nil
  }

  /// - Parameter isStorage: whether it holds numbers of torch's. Only numpy would look into such a record.
  private static func check(_ record: Record, isStorage: Bool, of source: any ByteSource) throws(FormatError) {
    guard record.headerOffset <= source.byteCount - 30 else { return }
    // Flags, checksums and names do not matter: some reader believes them, and some other does not look.
    let header = try source.bytes(at: record.headerOffset, count: 30, what: "a local header")
    let names = Int(header[26]) | Int(header[27]) << 8
    let extras = Int(header[28]) | Int(header[29]) << 8
    let offset = record.headerOffset + 30 + names + extras
    // Compressed data says itself where it ends.
    let stored = SourceStream(source, at: offset, count: record.method == 0 ? record.byteCount : nil)
    let what = "record \(record.name.printable) of the zip archive"
    let kind: DecompressedStream.Kind?
    switch record.method {
    case 0: kind = nil
    case 8: kind = .deflate
    case 12: kind = .bzip2
    case 14, 93: throw FormatError(.unsupported, "\(what) is compressed in a way that is not looked into")
    // No reader of pickles knows the others.
    default: return
    }
    let open = { () throws(FormatError) -> any ByteStream in
      if let kind { try DecompressedStream(stored, kind) } else { stored }
    }
    if isStorage {
      _ = try NumpyInspection.check(try open(), what: what)
    } else {
      try PickleSafety.checkMember(what, open)
    }
  }

  /// A header of the directory; nil where there is none.
  private static func record(_ input: inout PickleInput) throws(FormatError) -> Record? {
    guard try input.integer(4) == 0x0201_4B50 else { return nil }
    try input.skip(6)
    let method = UInt16(truncatingIfNeeded: try input.integer(2))
    try input.skip(8)
    var stored = try input.integer(4)
    var size = try input.integer(4)
    let nameByteCount = Int(try input.integer(2))
    let extraByteCount = Int(try input.integer(2))
    let commentByteCount = Int(try input.integer(2))
    try input.skip(8)
    var offset = try input.integer(4)
    let name = try input.take(nameByteCount)
    let text = String(decoding: input.window[name], as: UTF8.self)
    let extraRange = try input.take(extraByteCount)
    var extra = Array(input.window[extraRange])[...]
    try input.skip(commentByteCount)
    while extra.count >= 4 {
      let kind = Int(extra[extra.startIndex]) | Int(extra[extra.startIndex + 1]) << 8
      let count = Int(extra[extra.startIndex + 2]) | Int(extra[extra.startIndex + 3]) << 8
      var field = extra.dropFirst(4).prefix(count)
      extra = extra.dropFirst(4 + count)
      guard kind == 1 else { continue }
      func wide(_ narrow: UInt64) -> UInt64 {
        guard narrow == UInt64(UInt32.max), field.count >= 8 else { return narrow }
        defer { field = field.dropFirst(8) }
        return field.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
      size = wide(size)
      stored = wide(stored)
      offset = wide(offset)
    }
    guard let byteCount = Int(exactly: max(stored, size)), let headerOffset = Int(exactly: offset) else {
      throw FormatError(.malformed, "record \(text.printable) is beyond any file")
    }
    return Record(name: text, method: method, headerOffset: headerOffset, byteCount: byteCount)
  }

  /// Where the directory is, by the last end record; nil if there is none, so that no reader opens the archive.
  ///
  /// - Throws: `malformed` if readers could disagree on where it is.
  private static func directory(of source: any ByteSource) throws(FormatError) -> (offset: Int, byteCount: Int)? {
    let tailByteCount = min(source.byteCount, endByteCount + 65_535)
    let tailOffset = source.byteCount - tailByteCount
    let tail = try source.bytes(at: tailOffset, count: tailByteCount, what: "the file's end")
    var found: Int?
    for index in stride(from: tail.count - endByteCount, through: 0, by: -1)
    where tail[index] == 0x50 && tail[index + 1] == 0x4B && tail[index + 2] == 5 && tail[index + 3] == 6 {
      found = index
      break
    }
    guard let found else { return nil }
    func word(_ offset: Int, _ count: Int) -> Int {
      tail[found + offset..<found + offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard found + endByteCount + word(20, 2) == tail.count else {
      throw FormatError(.malformed, "the zip archive's end record does not end the file")
    }
    var byteCount = word(12, 4)
    var offset = word(16, 4)
    var end = tailOffset + found
    if found >= 20, tail[found - 20..<found - 16].elementsEqual([0x50, 0x4B, 6, 7]) {
      let place = tail[found - 12..<found - 4].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
      guard let wide = Int(exactly: place), wide <= source.byteCount - 56 else {
        throw FormatError(.malformed, "the zip64 locator points outside of the file")
      }
      let record = try source.bytes(at: wide, count: 56, what: "the zip64 end record")
      func long(_ start: Int) throws(FormatError) -> Int {
        let value = record[start..<start + 8].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        guard let value = Int(exactly: value) else {
          throw FormatError(.malformed, "the zip64 end record is impossible")
        }
        return value
      }
      byteCount = try long(40)
      offset = try long(48)
      end = wide
    }
    let (directoryEnd, overflow) = offset.addingReportingOverflow(byteCount)
    guard !overflow, directoryEnd == end else {
      throw FormatError(.malformed, "the zip archive's directory is not where its end record says")
    }
    return (offset, byteCount)
  }
}
