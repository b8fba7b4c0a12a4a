/// The hash that torch stores in `.data/serialization_id`: 20 decimal digits for the names of the records, 20 for their
/// checksums. No reader checks it, but `torch.save` writes it, and so do we.
///
/// torch folds the names' hashes in the iteration order of a libstdc++ `std::unordered_set<std::string>`, so that order is
/// reproduced: a singly linked list of all elements, in which the elements of a bucket are neighbours, and for each bucket
/// the element before its first. Arithmetic wraps at 64 bits.
struct SerializationID {
  /// `hashes[i]` is element `i`'s hash; element 0 stands before the list's first element and has none.
  private var hashes: [UInt64] = [0]
  /// The element after each one; `Self.none` at the list's end.
  private var next: [Int32] = [Self.none]
  /// The element before each bucket's first; `Self.none` if the bucket is empty.
  private var buckets: [Int32] = [Self.none]
  /// The number of elements at which the table grows; 0 while nothing was added.
  private var capacity = 0
  private var checksums: UInt64 = 0

  private static let none: Int32 = -1

  /// Bucket counts of libstdc++ (`_Prime_rehash_policy`) as a set grows by single insertions.
  private static let bucketCounts = [
    13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172_933, 351_061, 712_697, 1_447_153,
    2_938_679, 5_967_347, 12_117_689, 24_607_243, 49_969_847, 101_473_717, 206_062_531, 418_451_333, 849_749_479,
    1_725_587_117,
  ]

  /// How many records an archive may have.
  static let maximumRecordCount = 1_000_000_000

  /// Folds in a record's name, without the top folder.
  mutating func add(name: some Sequence<UInt8>) {
    let hash = Self.hash(Array(name))
    if hashes.count > capacity {
      // Growing doubles, to the next prime of the list, which begins with the first prime after 11 elements.
      let wanted = max(hashes.count, 12, capacity * 2)
      rehash(bucketCount: Self.bucketCounts.first { $0 >= wanted } ?? wanted)
    }
    let element = Int32(truncatingIfNeeded: hashes.count)
    hashes.append(hash)
    next.append(Self.none)
    let bucket = bucket(of: hash)
    if buckets[bucket] != Self.none {
      insert(element, after: Int(buckets[bucket]))
    } else {
      let first = next[0]
      insert(element, after: 0)
      if first != Self.none { buckets[self.bucket(of: hashes[Int(first)])] = element }
      buckets[bucket] = 0
    }
  }

  /// Folds in the CRC-32 of a record that is not empty.
  mutating func add(checksum: UInt32) { checksums = Self.combine(checksums, UInt64(checksum)) }

  /// The 40 digits for everything added.
  var digits: [UInt8] {
    var names: UInt64 = 0
    var element = next[0]
    while element != Self.none {
      names = Self.combine(names, hashes[Int(element)])
      element = next[Int(element)]
    }
    return [names, checksums].flatMap { value in
      let text = String(value)
      return Array(String(repeating: "0", count: 20 - text.count).utf8) + Array(text.utf8)
    }
  }

  private func bucket(of hash: UInt64) -> Int { Int(hash % UInt64(buckets.count)) }

  private mutating func insert(_ element: Int32, after place: Int) {
    next[Int(element)] = next[place]
    next[place] = element
  }

  /// Distributes the elements anew, in their present order, as `_Hashtable::_M_rehash` does for unique keys.
  private mutating func rehash(bucketCount: Int) {
    capacity = bucketCount
    buckets = [Int32](repeating: Self.none, count: bucketCount)
    var element = next[0]
    next[0] = Self.none
    var bucketOfFirst = 0
    while element != Self.none {
      let following = next[Int(element)]
      let bucket = bucket(of: hashes[Int(element)])
      if buckets[bucket] == Self.none {
        let hasOthers = next[0] != Self.none
        insert(element, after: 0)
        buckets[bucket] = 0
        if hasOthers { buckets[bucketOfFirst] = element }
        bucketOfFirst = bucket
      } else {
        insert(element, after: Int(buckets[bucket]))
      }
      element = following
    }
  }

  /// `c10::hash_combine`.
  private static func combine(_ seed: UInt64, _ value: UInt64) -> UInt64 {
    seed ^ (value &+ 0x9E37_79B9 &+ (seed << 6) &+ (seed >> 2))
  }

  /// `std::hash<std::string>` of libstdc++ on 64-bit machines: MurmurHash64A with the seed 0xc70f6907.
  static func hash(_ bytes: [UInt8]) -> UInt64 {
    let multiplier: UInt64 = 0xC6A4_A793_5BD1_E995
    func mix(_ value: UInt64) -> UInt64 { value ^ (value >> 47) }
    var hash = 0xC70F_6907 ^ (UInt64(bytes.count) &* multiplier)
    var word: UInt64 = 0
    var width: UInt64 = 0
    for byte in bytes {
      word |= UInt64(byte) << (8 * width)
      width += 1
      if width == 8 {
        hash = (hash ^ (mix(word &* multiplier) &* multiplier)) &* multiplier
        (word, width) = (0, 0)
      }
    }
    if width > 0 { hash = (hash ^ word) &* multiplier }
    return mix(mix(hash) &* multiplier)
  }
}
