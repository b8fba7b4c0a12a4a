/// A hash table of numbers that stand for things kept elsewhere, such as names in a buffer. It takes 12 to 24 bytes a number.
///
/// The hashes come from Swift's `Hasher`, whose seed no file can know, so that nothing can be made to collide on purpose.
struct NumberTable {
  /// Upper half: the hash; lower half: the number plus one, 0 for a free slot. As many as a power of two.
  private var slots: [UInt64]
  private var count = 0

  /// Bytes that a table of `count` numbers takes at most, also while it grows.
  static func byteCount(_ count: Int) -> Int { count * 24 + 256 }

  /// - Parameter capacity: how many numbers are expected.
  init(capacity: Int = 0) {
    var slotCount = 16
    while slotCount * 2 < capacity * 3 { slotCount *= 2 }
    slots = [UInt64](repeating: 0, count: slotCount)
  }

  /// The hash of some bytes.
  static func hash(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var hasher = Hasher()
    let done: Void? = bytes.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    if done == nil { for byte in bytes { hasher.combine(byte) } }
    return UInt32(truncatingIfNeeded: hasher.finalize())
  }

  /// The number that was entered for an equal thing; nil if there is none.
  func find(_ hash: UInt32, _ isEqual: (Int) -> Bool) -> Int? {
    var index = Int(hash) & (slots.count - 1)
    while slots[index] != 0 {
      if UInt32(truncatingIfNeeded: slots[index] >> 32) == hash {
        let number = Int(slots[index] & 0xFFFF_FFFF) - 1
        if isEqual(number) { return number }
      }
      index = (index + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Enters `number`, below 2^32 - 1, unless an equal thing has one already, which is then returned.
  mutating func insert(_ number: Int, _ hash: UInt32, _ isEqual: (Int) -> Bool) -> Int? {
    if let earlier = find(hash, isEqual) { return earlier }
    if (count + 1) * 3 > slots.count * 2 { grow() }
    place(UInt64(hash) << 32 | UInt64(UInt32(truncatingIfNeeded: number + 1)))
    count += 1
    return nil
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: 0, count: old.count * 2)
    for slot in old where slot != 0 { place(slot) }
  }

  private mutating func place(_ slot: UInt64) {
    var index = Int(slot >> 32) & (slots.count - 1)
    while slots[index] != 0 { index = (index + 1) & (slots.count - 1) }
    slots[index] = slot
  }
}
