/// The bytes of a pickle, fetched as a machine asks for them: nobody knows where a pickle ends until it has been run.
struct PickleInput {
  private let source: any ByteSource
  private let offset: Int
  private let limit: Int
  /// The pickle's name in messages.
  let what: String
  /// What has been fetched; the pickle's first byte is at index 0.
  private(set) var bytes: [UInt8] = []
  /// Index of the next byte to read; also the number of bytes read.
  private(set) var position = 0

  /// What may still be spent on the pickle and what it describes.
  var budget: MemoryBudget

  /// Bytes of pickle that are accepted: some 200,000 tensors.
  static let byteLimit = 32 << 20

  /// - Parameters:
  ///   - offset: where the pickle begins in `source`.
  ///   - what: the pickle's name in messages.
  init(_ source: any ByteSource, at offset: Int, what: String, budget: MemoryBudget) {
    self.budget = budget
    self.source = source
    self.offset = offset
    self.what = what
    limit = min(max(source.byteCount - offset, 0), PickleInput.byteLimit)
  }

  /// A pickle that is in memory as a whole, and was paid for.
  init(_ bytes: [UInt8], what: String, budget: MemoryBudget) {
    self.init(BufferSource(bytes), at: 0, what: what, budget: budget)
    if bytes.count == limit { self.bytes = bytes }
  }

  /// The most bytes that the pickle can have.
  var byteCountLimit: Int { limit }

  /// An error about the opcode at `opcodeOffset`.
  func error(_ code: FormatError.Code, _ message: String, at opcodeOffset: Int) -> FormatError {
    FormatError(code, "\(what), offset \(opcodeOffset): \(message)")
  }

  /// The next byte.
  mutating func byte() throws(FormatError) -> UInt8 {
    if position == bytes.count { try fetch(1) }
    defer { position += 1 }
    return bytes[position]
  }

  /// The range of the next `count` bytes, which are fetched.
  mutating func take(_ count: Int) throws(FormatError) -> Range<Int> {
    if count > bytes.count - position { try fetch(count) }
    defer { position += count }
    return position..<position + count
  }

  /// An unsigned little-endian integer of `width` bytes, at most 8.
  mutating func integer(_ width: Int) throws(FormatError) -> UInt64 {
    let range = try take(width)
    return bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The range of a line of at most 1024 bytes, without its newline, which is read too.
  mutating func line() throws(FormatError) -> Range<Int> {
    let start = position
    while try byte() != UInt8(ascii: "\n") {
      guard position - start <= 1024 else { throw error(.limit, "a line has more than 1024 bytes", at: start) }
    }
    return start..<position - 1
  }

  /// Makes `count` bytes available, in chunks that grow with what was read already.
  private mutating func fetch(_ count: Int) throws(FormatError) {
    let missing = count - (bytes.count - position)
    guard missing <= limit - bytes.count else {
      if limit == PickleInput.byteLimit {
        throw error(.limit, "the pickle has more than the \(limit) bytes accepted", at: position)
      }
      throw error(.truncated, "the pickle goes on beyond its end", at: position)
    }
    let chunk = min(max(missing, min(max(bytes.count, 16 << 10), 1 << 20)), limit - bytes.count)
    try budget.charge(chunk)
    if bytes.isEmpty { bytes.reserveCapacity(min(limit, budget.available)) }
    bytes.append(contentsOf: try source.bytes(at: offset + bytes.count, count: chunk, what: what))
  }
}
