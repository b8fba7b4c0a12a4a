/// A look into a tar archive: torch wrote such before 0.1.10, and models are often shipped in one.
///
///     member: | header: 512 bytes | content | zeros up to a multiple of 512 |
///
/// Source: the ustar, pax and GNU headers, as Python's `tarfile` reads them.
enum TarInspection {
  private static let block = 512
  /// Members that are looked at.
  private static let memberLimit = 1 << 18

  /// Whether the bytes begin with a header whose checksum is right: that is what makes a tar archive.
  static func recognizes(_ head: [UInt8]) -> Bool {
    guard head.count >= block, let stated = number(head[148..<156]) else { return false }
    var sum = 8 * 0x20
    var signed = 8 * 0x20
    for (index, byte) in head.prefix(block).enumerated() where !(148..<156).contains(index) {
      sum += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    return stated == sum || stated == signed
  }

  /// Checks each member for itself.
  static func check(_ stream: any ByteStream) throws(FormatError) {
    let archive = Archive(stream)
    for _ in 0..<memberLimit {
      guard let header = try archive.header() else { return }
      // What a damaged archive goes on with, no reader finds.
      guard recognizes(header) else { return }
      guard let size = number(header[124..<136]) else {
        throw FormatError(.malformed, "a member of the tar archive has a size that is no number")
      }
      let name = text(header[0..<100])
      archive.begin(size)
      switch header[156] {
      case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "X"):
        let fields = text(try PickleSafety.peek(MemberStream(archive), min(size, 1 << 16))[...])
        guard size <= 1 << 16, !fields.contains("size="), !fields.contains("GNU.sparse") else {
          throw FormatError(.unsupported, "the tar archive has members whose size is stated twice")
        }
      case UInt8(ascii: "S"): throw FormatError(.unsupported, "the tar archive has sparse members")
      case UInt8(ascii: "L"), UInt8(ascii: "K"): break
      default:
        guard !["storages", "tensors", "pickle"].contains(name.drop { $0 == "." || $0 == "/" }) else {
          throw FormatError(
            .unsupported, "a file of torch before 0.1.10, in which pickles and numbers cannot be told apart")
        }
        let what = "member \(name.printable) of the tar archive"
        let hasArrays = try PickleSequence.check(MemberStream(archive), what: what, skipsArrays: true)
        guard !hasArrays else { throw FormatError(.unsupported, "\(what) holds arrays of joblib") }
      }
      try archive.end()
    }
    throw FormatError(.limit, "the tar archive has more than \(memberLimit) members")
  }

  /// A number in octal digits, or in binary if the first byte says so; nil if it is none.
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    guard let first = field.first else { return nil }
    if first == 0x80 {
      return field.dropFirst().reduce(0 as Int?) { value, byte in
        value.flatMap { $0 < 1 << 54 ? $0 << 8 | Int(byte) : nil }
      }
    }
    let digits = field.prefix { $0 != 0 }.filter { $0 != 0x20 }
    guard digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x37 }) else { return nil }
    return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
  }

  private static func text(_ field: ArraySlice<UInt8>) -> String {
    String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The archive's bytes, and how much of the current member is left.
  private final class Archive {
    private var stream: any ByteStream
    private var left = 0
    private var padding = 0

    init(_ stream: any ByteStream) { self.stream = stream }

    /// The next header; nil at the end.
    func header() throws(FormatError) -> [UInt8]? {
      var bytes: [UInt8] = []
      while bytes.count < block {
        let more = try stream.next(block - bytes.count)
        if more.isEmpty { return nil }
        bytes += more
      }
      return bytes.allSatisfy { $0 == 0 } ? nil : bytes
    }

    func begin(_ size: Int) {
      left = size
      padding = (block - size % block) % block
    }

    func next(_ limit: Int) throws(FormatError) -> [UInt8] {
      let bytes = try stream.next(min(limit, left))
      left -= bytes.count
      return bytes
    }

    func skip(_ count: Int) throws(FormatError) -> Int {
      let skipped = try stream.skip(min(count, left))
      left -= skipped
      return skipped
    }

    func end() throws(FormatError) {
      _ = try stream.skip(left + padding)
      left = 0
    }
  }

  /// The content of the archive's current member.
  private struct MemberStream: ByteStream {
    private let archive: Archive

    init(_ archive: Archive) { self.archive = archive }

    var fileOffset: Int? { nil }
    mutating func next(_ limit: Int) throws(FormatError) -> [UInt8] { try archive.next(limit) }
    mutating func skip(_ count: Int) throws(FormatError) -> Int { try archive.skip(count) }
  }
}
