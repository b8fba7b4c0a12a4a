import Tensors

/// Writes the opcodes of Python's pickle protocol 2, with memo indices counted as CPython's pickler counts them.
///
/// See the opcode table of CPython's `Lib/pickle.py`.
struct PickleWriter {
  /// Items that are added to a dict or OrderedDict by one opcode.
  struct Batch {
    /// How many items CPython's pickler puts between two marks.
    private static let size = 1000

    /// Which items.
    var items: Range<Int>
    /// Whether a mark stands before them; a lone item needs none.
    var isMarked: Bool

    /// The batches of an OrderedDict of `count` items: a single item left over is not marked.
    static func orderedDict(_ count: Int) -> [Batch] {
      stride(from: 0, to: count, by: size).map { start in
        let items = start..<min(start + size, count)
        return Batch(items: items, isMarked: items.count > 1)
      }
    }

    /// The batches of a dict of `count` items: a full last batch is followed by an empty one.
    static func dict(_ count: Int) -> [Batch] {
      if count < 2 { return orderedDict(count) }
      return stride(from: 0, through: count, by: size).map { start in
        Batch(items: start..<min(start + size, count), isMarked: true)
      }
    }
  }

  /// The pickle so far, or what was not given up of it; it begins with the protocol.
  private(set) var bytes: [UInt8] = [0x80, 0x02]
  private var givenUpByteCount = 0
  private var memoCount: UInt32 = 0
  private var globals: [String: UInt32] = [:]
  private var interned: [ByteString: UInt32] = [:]
  /// Memo indices of strings of one character up to U+00FF, and, at 256, of the empty string: CPython has one object for each.
  private var shortStrings = [UInt32?](repeating: nil, count: 257)

  init() {}

  /// Makes room for a pickle of about `byteCount` bytes.
  mutating func reserve(_ byteCount: Int) { bytes.reserveCapacity(byteCount) }

  /// Bytes of the pickle so far.
  var byteCount: Int { givenUpByteCount + bytes.count }

  /// Counts what was written and keeps it no longer.
  mutating func giveUp() {
    givenUpByteCount += bytes.count
    bytes.removeAll(keepingCapacity: true)
  }

  mutating func write(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

  /// Memoizes the object on top of the stack and returns its memo index.
  @discardableResult
  mutating func put() -> UInt32 {
    let index = memoCount
    // 2^32 memoized objects take more memory than a pickle of them could ever have.
    memoCount &+= 1
    if let short = UInt8(exactly: index) {
      write(.binPut)
      bytes.append(short)
    } else {
      write(.longBinPut)
      bytes.append(littleEndian: index)
    }
    return index
  }

  /// Fetches the object with that memo index.
  mutating func get(_ index: UInt32) {
    if let short = UInt8(exactly: index) {
      write(.binGet)
      bytes.append(short)
    } else {
      write(.longBinGet)
      bytes.append(littleEndian: index)
    }
  }

  mutating func write(_ value: Bool) { write(value ? PickleOpcode.newTrue : .newFalse) }

  mutating func write(_ value: Int) {
    if let short = UInt8(exactly: value) {
      write(.binInt1)
      bytes.append(short)
    } else if let short = UInt16(exactly: value) {
      write(.binInt2)
      bytes.append(littleEndian: short)
    } else if let word = Int32(exactly: value) {
      write(.binInt)
      bytes.append(littleEndian: word)
    } else {
      // Two's complement, in as few bytes as keep the sign.
      let significant = 64 - (value < 0 ? ~value : value).leadingZeroBitCount
      let count = significant / 8 + 1
      write(.long1)
      bytes.append(UInt8(count))
      for byte in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }
  }

  /// Writes a string that no other part of the pickle shares, unless CPython shares it by its nature.
  mutating func write(_ text: String) {
    guard let slot = Self.shortStringSlot(text) else {
      newString(text)
      return
    }
    if let index = shortStrings[slot] {
      get(index)
    } else {
      shortStrings[slot] = newString(text)
    }
  }

  /// Writes a string that Python programs have as one object, such as a literal: the first time in full, then by reference.
  mutating func write(interned text: String) {
    guard Self.shortStringSlot(text) == nil else { return write(text) }
    let key = ByteString(text)
    if let index = interned[key] {
      get(index)
    } else {
      interned[key] = newString(text)
    }
  }

  /// Writes a string and returns its memo index.
  @discardableResult
  mutating func newString(_ text: String) -> UInt32 {
    write(.binUnicode)
    bytes.append(littleEndian: UInt32(clamping: text.utf8.count))
    bytes.append(contentsOf: text.utf8)
    return put()
  }

  /// Writes a global, given as `module\nname`.
  mutating func write(global: String) {
    if let index = globals[global] { return get(index) }
    write(.global)
    bytes.append(contentsOf: global.utf8)
    bytes.append(UInt8(ascii: "\n"))
    globals[global] = put()
  }

  /// Writes a tuple of integers.
  mutating func write(tuple values: [Int]) {
    if values.isEmpty { return write(.emptyTuple) }
    if values.count > 3 { write(.mark) }
    for value in values { write(value) }
    endTuple(count: values.count)
  }

  /// Makes a tuple of the last `count` objects (at least one); a mark stands before them if they are more than three.
  mutating func endTuple(count: Int) {
    switch count {
    case 1: write(.tuple1)
    case 2: write(.tuple2)
    case 3: write(.tuple3)
    default: write(.tuple)
    }
    put()
  }

  /// Writes an empty `collections.OrderedDict`.
  mutating func emptyOrderedDict() {
    write(global: "collections\nOrderedDict")
    write(.emptyTuple)
    write(.reduce)
    put()
  }

  /// Writes an empty `dict`.
  mutating func emptyDict() {
    write(.emptyDict)
    put()
  }

  /// Precedes the items of a batch.
  mutating func begin(_ batch: Batch) { if batch.isMarked { write(.mark) } }

  /// Adds a batch of items to the dict or OrderedDict before it.
  mutating func end(_ batch: Batch) { write(batch.isMarked ? .setItems : .setItem) }

  /// Where ``shortStrings`` has the string; nil if CPython makes a new object each time.
  private static func shortStringSlot(_ text: String) -> Int? {
    guard text.utf8.count <= 2 else { return nil }
    var scalars = text.unicodeScalars.makeIterator()
    guard let first = scalars.next() else { return 256 }
    guard scalars.next() == nil, first.value < 256 else { return nil }
    return Int(first.value)
  }
}
