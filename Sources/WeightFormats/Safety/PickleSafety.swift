/// Tells whether loading a file as the programs do that read pickles could do more than make data. The file's name does not
/// matter, its content does.
///
/// Looked into are pickles of all protocols, alone and one after the other, with joblib's arrays between them; torch's files, zip,
/// legacy and tar; zip and tar archives, member by member; data compressed with gzip, zlib, bzip2, xz and lzma; numpy's arrays of
/// objects. A file that begins like none of these is no pickle. Memory stays below 100 MiB whatever the file says.
///
/// Not looked into are archives inside of archives, and what only a program of its own reads: nobody unpickles these by opening
/// the file.
package enum PickleSafety {
  /// - Throws: why the file may be a pickle and is not known to be inert; nothing for all other files.
  package static func check(_ source: any ByteSource) throws(FormatError) {
    let head = try source.bytes(at: 0, count: min(512, source.byteCount), what: "the file's beginning")
    if ZipInspection.recognizes(head) { return try ZipInspection.check(source) }
    if isSafetensors(head, byteCount: source.byteCount) { return }
    let open = { () throws(FormatError) -> any ByteStream in SourceStream(source) }
    // A compressed file or a tar archive may be a pickle as well: the letters that it begins with are opcodes, too.
    if let kind = compression(of: head) {
      try checkContent("the compressed file") { () throws(FormatError) -> any ByteStream in
        try DecompressedStream(SourceStream(source), kind)
      }
    } else if head.starts(with: [0x04, 0x22, 0x4D, 0x18]) {
      throw FormatError(.unsupported, "LZ4 data, which joblib decompresses and this software does not")
    }
    try checkContent("the file", open)
  }

  /// Whether the file is one of safetensors whose length begins with the mark of a pickle. No unpickler goes beyond the third
  /// byte, which is none's opcode, and nothing was run until then.
  private static func isSafetensors(_ head: [UInt8], byteCount: Int) -> Bool {
    guard head.count > 2, head[0] == PickleOpcode.proto.rawValue, PickleOpcode(rawValue: head[2]) == nil
    else { return false }
    return SafetensorsFormat().recognizes(head, byteCount: byteCount)
  }

  /// Checks what may be a tar archive, an array of numpy or a pickle.
  private static func checkContent(
    _ what: String, _ open: () throws(FormatError) -> any ByteStream
  ) throws(FormatError) {
    let head = try peek(open(), 512)
    if TarInspection.recognizes(head) { try TarInspection.check(try open()) }
    if ZipInspection.recognizes(head) {
      throw FormatError(.unsupported, "\(what) is a zip archive inside of compressed data; decompress it first")
    }
    try checkMember(what, open)
  }

  /// Checks what may be an array of numpy or a pickle.
  static func checkMember(_ what: String, _ open: () throws(FormatError) -> any ByteStream) throws(FormatError) {
    if try NumpyInspection.check(try open(), what: what) { return }
    let hasArrays = try PickleSequence.check(try open(), what: what, skipsArrays: true)
    // Whoever does not know joblib reads its arrays as opcodes.
    if hasArrays { _ = try PickleSequence.check(try open(), what: what, skipsArrays: false) }
  }

  /// How the file is compressed, as joblib and Python's modules recognize it.
  private static func compression(of head: [UInt8]) -> DecompressedStream.Kind? {
    if head.starts(with: [0x1F, 0x8B]) { return .gzip }
    // zlib: the method, and a checksum of the two bytes.
    if head.count > 2, head[0] & 0x8F == 0x08, (Int(head[0]) << 8 | Int(head[1])) % 31 == 0 { return .gzip }
    if head.starts(with: Array("BZh".utf8)) { return .bzip2 }
    if head.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A]) { return .xz }
    if head.starts(with: [0x5D, 0x00]) { return .lzma }
    return nil
  }

  /// The first `count` bytes, or as many as there are.
  static func peek(_ stream: any ByteStream, _ count: Int) throws(FormatError) -> [UInt8] {
    var stream = stream
    var bytes: [UInt8] = []
    while bytes.count < count {
      let more = try stream.next(count - bytes.count)
      if more.isEmpty { break }
      bytes += more
    }
    return bytes
  }
}
