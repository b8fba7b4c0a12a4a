/// Which chunks of a blob something is true of: a bit each.
struct ChunkSet: Sendable {
  private var words: [UInt64]
  private(set) var count = 0

  init(capacity: Int) { words = Array(repeating: 0, count: (capacity + 63) / 64) }

  private static func bit(_ chunk: Int) -> UInt64 { 1 << UInt64(chunk % 64) }

  func contains(_ chunk: Int) -> Bool { words[chunk / 64] & Self.bit(chunk) != 0 }

  func contains(all chunks: Range<Int>) -> Bool { chunks.allSatisfy { contains($0) } }

  mutating func insert(_ chunk: Int) {
    if contains(chunk) { return }
    words[chunk / 64] |= Self.bit(chunk)
    count += 1
  }

  mutating func remove(_ chunk: Int) {
    guard contains(chunk) else { return }
    words[chunk / 64] &= ~Self.bit(chunk)
    count -= 1
  }
}
