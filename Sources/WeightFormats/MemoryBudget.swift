/// The memory that parsing one file may take, spent in estimates of what the parser's own structures occupy.
///
/// Every structure that grows with the input is charged before it grows, in all phases of a parse, so that what a file can make
/// its reader hold is bounded whatever it says, and not only by the file's size.
struct MemoryBudget: Sendable {
  /// What a torch file may take: pickle, objects, archive directory and the resulting description together. A state dict of
  /// 100,000 tensors takes about 65 MiB, one of as many Parameters about 78.
  static let torchLimit = 80 << 20
  /// What a safetensors file may take beside a header of `headerByteCount` bytes: the two together stay below `torchLimit` up
  /// to headers of 40 MiB. Larger ones, which no known model has, take 40 MiB more than themselves, 135 MiB at most.
  static func safetensorsLimit(headerByteCount: Int) -> Int { max(torchLimit - headerByteCount, 40 << 20) }
  /// Bytes that an array or a long string takes beside its elements: Swift's header and malloc's rounding.
  static let allocation = 48

  /// Bytes that a name may have.
  private static let nameByteLimit = 1 << 20

  private let limit: Int
  private var remaining: Int

  init(_ limit: Int) {
    self.limit = limit
    remaining = limit
  }

  /// Bytes that may still be spent.
  var available: Int { remaining }

  /// Spends `byteCount` bytes.
  ///
  /// - Throws: `limit` if they are not left.
  mutating func charge(_ byteCount: Int) throws(FormatError) {
    guard byteCount <= remaining else {
      throw FormatError(.limit, "reading the file would take more than the \(limit >> 20) MiB of memory accepted")
    }
    remaining -= byteCount
  }

  /// Spends what a name of `byteCount` bytes takes.
  mutating func chargeName(_ byteCount: Int) throws(FormatError) {
    guard byteCount <= Self.nameByteLimit else {
      throw FormatError(.limit, "a name has \(byteCount) bytes, more than the \(Self.nameByteLimit) accepted")
    }
    try charge(Self.string(byteCount))
  }

  /// Gives back what was spent on something that is gone.
  mutating func release(_ byteCount: Int) { remaining = min(limit, remaining + byteCount) }

  /// Bytes that a `String` of `count` UTF-8 bytes takes outside of itself; Swift keeps up to 15 inside.
  static func string(_ count: Int) -> Int { count > 15 ? allocation + count : 0 }
}
