/// Bytes that come one after the other: a stretch of a file, or what decompressing it yields. Memory does not grow with them.
protocol ByteStream {
  /// Where the next byte stands in the file; nil if the bytes are not in the file as they are.
  var fileOffset: Int? { get }

  /// The next bytes, at least one and at most `limit`; none at the end.
  mutating func next(_ limit: Int) throws(FormatError) -> [UInt8]

  /// Leaves out the next `count` bytes, or as many as there are; answers how many.
  mutating func skip(_ count: Int) throws(FormatError) -> Int
}

/// A stretch of a byte source as a stream.
struct SourceStream: ByteStream {
  private let source: any ByteSource
  private var position: Int
  private let end: Int

  /// - Parameters:
  ///   - offset: where the stretch begins.
  ///   - count: its length; nil for all that follows. What lies outside of the source is cut off.
  init(_ source: any ByteSource, at offset: Int = 0, count: Int? = nil) {
    self.source = source
    let start = min(max(offset, 0), source.byteCount)
    position = start
    end = start + min(max(count ?? .max, 0), source.byteCount - start)
  }

  var fileOffset: Int? { position }

  mutating func next(_ limit: Int) throws(FormatError) -> [UInt8] {
    let count = min(limit, end - position)
    guard count > 0 else { return [] }
    let bytes = try source.bytes(at: position, count: count, what: "the file")
    position += count
    return bytes
  }

  mutating func skip(_ count: Int) throws(FormatError) -> Int {
    let skipped = min(count, end - position)
    position += skipped
    return skipped
  }
}
