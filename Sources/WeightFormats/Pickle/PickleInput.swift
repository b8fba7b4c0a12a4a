/// The bytes of a pickle, fetched as a machine asks for them: nobody knows where a pickle ends until it has been run. What has
/// been read is not kept.
struct PickleInput {
  private var stream: any ByteStream
  /// The pickle's name in messages.
  let what: String
  /// What has been fetched and not given up.
  private(set) var window: [UInt8] = []
  /// Index in `window` of the next byte to read.
  private(set) var cursor = 0
  /// Bytes of the pickle before the window.
  private var windowStart = 0
  /// The most bytes that the pickle can have, if that is known.
  let byteCountLimit: Int

  private static let chunk = 64 << 10

  /// - Parameters:
  ///   - stream: begins with the pickle.
  ///   - what: the pickle's name in messages.
  ///   - byteCountLimit: how many bytes the pickle can have, as far as that is known.
  init(_ stream: any ByteStream, what: String, byteCountLimit: Int = .max) {
    self.stream = stream
    self.what = what
    self.byteCountLimit = byteCountLimit
  }

  /// The pickle that begins at `offset` of a source.
  init(_ source: any ByteSource, at offset: Int, what: String) {
    self.init(
      SourceStream(source, at: offset), what: what, byteCountLimit: max(source.byteCount - offset, 0))
  }

  /// Bytes of the pickle that have been read.
  var position: Int { windowStart + cursor }

  /// Where the next byte stands in the file, if it stands there as it is.
  var fileOffset: Int? { stream.fileOffset.map { $0 - (window.count - cursor) } }

  private func truncated() -> FormatError {
    FormatError(.truncated, "\(what), offset \(position): the pickle goes on beyond its end")
  }

  /// Whether there is no further byte.
  mutating func isAtEnd() throws(FormatError) -> Bool {
    if cursor < window.count { return false }
    try fetch()
    return cursor == window.count
  }

  /// The next byte.
  mutating func byte() throws(FormatError) -> UInt8 {
    if cursor == window.count, try isAtEnd() { throw truncated() }
    defer { cursor += 1 }
    return window[cursor]
  }

  /// The range of the next `count` bytes in `window`, at most a mebibyte; good until something else is read.
  mutating func take(_ count: Int) throws(FormatError) -> Range<Int> {
    while window.count - cursor < count {
      guard try fetchMore() else { throw truncated() }
    }
    defer { cursor += count }
    return cursor..<cursor + count
  }

  /// An unsigned little-endian integer of `width` bytes, at most 8.
  mutating func integer(_ width: Int) throws(FormatError) -> UInt64 {
    var value: UInt64 = 0
    for place in 0..<width { value |= UInt64(try byte()) << (8 * UInt64(place)) }
    return value
  }

  /// Leaves out `count` bytes.
  mutating func skip(_ count: Int) throws(FormatError) {
    let here = min(count, window.count - cursor)
    cursor += here
    guard here < count else { return }
    giveUp()
    let skipped = try stream.skip(count - here)
    windowStart += skipped
    guard skipped == count - here else { throw truncated() }
  }

  /// Hands out the next `count` bytes piece by piece: `window` and a range of it.
  mutating func forEachPiece(
    of count: Int, _ body: (_ window: [UInt8], _ range: Range<Int>) throws(FormatError) -> Void
  ) throws(FormatError) {
    var missing = count
    while missing > 0 {
      if try isAtEnd() { throw truncated() }
      let piece = min(missing, window.count - cursor)
      try body(window, cursor..<cursor + piece)
      cursor += piece
      missing -= piece
    }
  }

  /// The bytes of a line without its newline, which is read too; nil if there are more than `limit`, of which the rest is left.
  mutating func line(limit: Int) throws(FormatError) -> [UInt8]? {
    let (line, isWhole) = try beginningOfLine(limit: limit)
    return isWhole ? line : nil
  }

  /// The same; of a line that is too long one byte more than `limit`.
  mutating func beginningOfLine(limit: Int) throws(FormatError) -> (line: [UInt8], isWhole: Bool) {
    var line: [UInt8] = []
    while try !isAtEnd() {
      let stretch = window[cursor...].prefix(limit + 1 - line.count)
      if let end = stretch.firstIndex(of: UInt8(ascii: "\n")) {
        cursor = end + 1
        return (line + stretch[..<end], true)
      }
      cursor = stretch.endIndex
      line += stretch
      if line.count > limit { return (line, false) }
    }
    throw truncated()
  }

  /// Fetches what comes next without reading it; false at the end.
  mutating func fetchMore() throws(FormatError) -> Bool {
    let before = window.count - cursor
    try fetch()
    return window.count - cursor > before
  }

  private mutating func giveUp() {
    windowStart += window.count
    window.removeAll(keepingCapacity: true)
    cursor = 0
  }

  private mutating func fetch() throws(FormatError) {
    if cursor == window.count {
      windowStart += cursor
      cursor = 0
      window = try stream.next(Self.chunk)
      return
    }
    if cursor > 0 {
      windowStart += cursor
      window.removeSubrange(..<cursor)
      cursor = 0
    }
    window += try stream.next(Self.chunk)
  }
}
