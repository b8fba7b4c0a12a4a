/// Reads a GGUF header from its beginning, through a window: what it holds does not grow with the header.
struct GGUFReader {
  /// Bytes that a header may have. Those of the largest vocabularies have a tenth of it.
  static let headerLimit = 64 << 20
  /// Bytes that are read at a time.
  private static let windowByteCount = 1 << 18

  private let source: any ByteSource
  private var window: [UInt8] = []
  /// Where the window begins in the file.
  private var windowOffset = 0
  /// The offset of what is read next.
  private(set) var offset = 0

  init(_ source: any ByteSource) { self.source = source }

  /// Bytes of the file after ``offset``.
  var remaining: Int { source.byteCount - offset }

  /// Reads a number, little-endian.
  ///
  /// - Parameter what: names it in the error if the file ends before.
  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type, _ what: @autoclosure () -> String
  ) throws(FormatError) -> Number {
    let count = MemoryLayout<Number>.size
    let start = try place(count, what())
    let value = Number(
      littleEndian: window.span.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: Number.self))
    offset += count
    return value
  }

  /// Reads bytes, of which there must not be more than ``windowByteCount``.
  mutating func bytes(_ count: Int, _ what: @autoclosure () -> String) throws(FormatError)
    -> ArraySlice<UInt8>
  {
    let start = try place(count, what())
    offset += count
    return window[start..<start + count]
  }

  /// Passes over bytes. They are not read.
  mutating func skip(_ count: Int, _ what: @autoclosure () -> String) throws(FormatError) {
    try require(count, what())
    offset += count
  }

  /// Passes over strings with their lengths.
  mutating func skipStrings(_ count: UInt64, _ what: @autoclosure () -> String) throws(FormatError) {
    for _ in 0..<count {
      try skip(try length(what()), what())
    }
  }

  /// Reads the length of a string.
  mutating func length(_ what: @autoclosure () -> String) throws(FormatError) -> Int {
    let length = try number(UInt64.self, what())
    guard length <= UInt64(Self.headerLimit) else {
      try requireRoom(length, what())
      throw FormatError(.limit, "\(what()) has a string of \(length) bytes at offset \(offset - 8)")
    }
    return Int(length)
  }

  /// - Throws: `truncated` if so many bytes are not left.
  private func requireRoom(_ count: UInt64, _ what: @autoclosure () -> String) throws(FormatError) {
    guard count <= UInt64(remaining) else {
      throw FormatError(
        .truncated,
        "\(what()) needs \(count) bytes at offset \(offset), but the file has \(source.byteCount)")
    }
  }

  /// - Throws: `truncated` if so many bytes are not left, `limit` if the header would be longer than is accepted.
  private func require(_ count: Int, _ what: @autoclosure () -> String) throws(FormatError) {
    try requireRoom(UInt64(count), what())
    guard count <= Self.headerLimit - offset else {
      throw FormatError(
        .limit,
        "the header has more than the \(Self.headerLimit >> 20) MiB that are accepted: \(what())")
    }
  }

  /// Makes sure that the next bytes are in the window, and returns where.
  private mutating func place(_ count: Int, _ what: @autoclosure () -> String) throws(FormatError)
    -> Int
  {
    let start = offset - windowOffset
    if start <= window.count, count <= window.count - start { return start }
    try require(count, what())
    window = try source.bytes(
      at: offset, count: min(max(count, Self.windowByteCount), remaining), what: what())
    windowOffset = offset
    return 0
  }
}
