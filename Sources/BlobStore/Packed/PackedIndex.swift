import PosixIO
import Tensors

/// What stands at the end of a compressed blob's file, and says where its blocks are: a frame that zstd skips.
///
///     | magic 0x184D2A5D: u32 | bytes that follow: u32 |
///     | runs, of 44 bytes each | entries: u32 for each block | blob's size: u64 | blocks: u32 | CRC-32 of all from the runs on: u32 |
///
/// All numbers are little-endian. An entry is the size of a coded block, times 256, and its transform. A run says which blob the blocks
/// from one on are differences from; files without differences have none.
struct PackedIndex: Sendable {
  /// From a block on, to the next run: `| first block: u32 | id of the base, zeros for none: 32 bytes | shift: i64 |`.
  struct Run: Sendable, Hashable {
    var firstBlock: Int
    /// nil: the blocks stand for themselves.
    var base: Digest?
    /// What is added to an offset in the blob for the one in the base.
    var shift: Int

    static let byteCount = 44
  }

  static let blockByteCount = BlockEncoder.blockByteCount
  private static let magic: UInt32 = 0x184D_2A5D
  private static let trailerByteCount = 16
  private static let headerByteCount = 8
  /// Blocks between two offsets that are kept; those between are added up.
  private static let stride = 64

  /// Bytes of the blob.
  let byteCount: Int
  let runs: [Run]
  private let entries: [UInt32]
  /// Where every 64th block begins in the file.
  private let starts: [Int]

  init(byteCount: Int, entries: [UInt32], runs: [Run] = []) {
    self.byteCount = byteCount
    self.entries = entries
    self.runs = runs
    var starts: [Int] = []
    var end = 0
    for (block, entry) in entries.enumerated() {
      if block % Self.stride == 0 { starts.append(end) }
      end += Int(entry >> 8)
    }
    self.starts = starts
  }

  static func blockCount(of byteCount: Int) -> Int {
    byteCount / blockByteCount + (byteCount % blockByteCount == 0 ? 0 : 1)
  }

  var blockCount: Int { entries.count }

  /// The blob's bytes that a block stands for.
  func range(ofBlock block: Int) -> Range<Int> { Self.range(ofBlock: block, of: byteCount) }

  static func range(ofBlock block: Int, of byteCount: Int) -> Range<Int> {
    let start = block * blockByteCount
    return start..<min(start + blockByteCount, byteCount)
  }

  /// Where a coded block is in the file. O(1): at most 64 sizes are added up.
  func coded(_ block: Int) -> Range<Int> {
    let first = block / Self.stride
    let start = entries[first * Self.stride..<block].reduce(starts[first]) { $0 + Int($1 >> 8) }
    return start..<start + Int(entries[block] >> 8)
  }

  func transform(_ block: Int) -> UInt8 { UInt8(truncatingIfNeeded: entries[block]) }

  /// What a block may be a difference from.
  func base(ofBlock block: Int) -> (blob: Digest, range: Range<Int>)? {
    Self.base(of: range(ofBlock: block), ofBlock: block, in: runs)
  }

  /// What runs say of a block. O(log runs).
  static func base(of range: Range<Int>, ofBlock block: Int, in runs: [Run]) -> (blob: Digest, range: Range<Int>)? {
    guard let index = Self.index(ofBlock: block, in: runs), let base = runs[index].base else { return nil }
    let (start, overflow) = range.lowerBound.addingReportingOverflow(runs[index].shift)
    let (end, endOverflow) = start.addingReportingOverflow(range.count)
    return overflow || endOverflow || start < 0 ? nil : (base, start..<end)
  }

  /// The run that a block belongs to.
  private static func index(ofBlock block: Int, in runs: [Run]) -> Int? {
    var (low, high) = (0, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].firstBlock <= block { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? low - 1 : nil
  }

  /// Of runs those that some block needs, which is a difference.
  static func needed(_ runs: [Run], for entries: [UInt32]) -> [Run] {
    var needed: [Run] = []
    for (index, run) in runs.enumerated() {
      let end = index + 1 < runs.count ? runs[index + 1].firstBlock : entries.count
      var run = run
      let isNeeded = entries[run.firstBlock..<end].contains { Int($0) & BlockEncoder.difference != 0 }
      if !isNeeded { (run.base, run.shift) = (nil, 0) }
      if needed.last?.base != run.base || needed.last?.shift ?? 0 != run.shift { needed.append(run) }
    }
    return needed
  }

  /// All blobs that some block is a difference from.
  var bases: Set<Digest> { Set(runs.compactMap(\.base)) }

  // MARK: Writing

  /// The frame.
  var frame: [UInt8] {
    var body: [UInt8] = []
    body.reserveCapacity(runs.count * Run.byteCount + entries.count * 4 + Self.trailerByteCount)
    for run in runs {
      append(UInt32(run.firstBlock), to: &body)
      if let base = run.base { base.append(to: &body) } else { body += [UInt8](repeating: 0, count: 32) }
      append(UInt64(bitPattern: Int64(run.shift)), to: &body)
    }
    for entry in entries { append(entry, to: &body) }
    append(UInt64(byteCount), to: &body)
    append(UInt32(entries.count), to: &body)
    append(CRC32.checksum(body), to: &body)
    var frame: [UInt8] = []
    append(Self.magic, to: &frame)
    append(UInt32(body.count), to: &frame)
    return frame + body
  }

  private func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  // MARK: Reading

  /// Reads the index of a file, and checks all that it says against the file and itself.
  ///
  /// - Parameter name: what the file is, for messages.
  /// - Throws: `damaged`.
  init(of file: OpenedFile, named name: String) throws(BlobStoreError) {
    func bytes(_ range: Range<Int>) throws(BlobStoreError) -> [UInt8] {
      let bytes = try system(try file.read(at: range.lowerBound, count: range.count))
      guard bytes.count == range.count else { throw .damaged(name, "the file is too short") }
      return bytes
    }
    func require(_ holds: Bool, _ what: String) throws(BlobStoreError) {
      guard holds else { throw .damaged(name, "its index \(what)") }
    }
    let fileSize = try system(try file.status().size)
    try require(fileSize >= Self.headerByteCount + Self.trailerByteCount, "is missing: the file has \(fileSize) bytes")
    let trailer = try bytes(fileSize - Self.trailerByteCount..<fileSize)
    let claimed = Self.number(trailer, at: 0, bytes: 8)
    let count = Int(Self.number(trailer, at: 8, bytes: 4))
    let sum = UInt32(truncatingIfNeeded: Self.number(trailer, at: 12, bytes: 4))
    try require(
      claimed > 0 && claimed <= UInt64(Int.max) && Self.blockCount(of: Int(claimed)) == count,
      "speaks of \(claimed) bytes in \(count) blocks")
    let size = Int(claimed)
    // The file cannot have so many entries unless they fit into it: no memory is taken before that is known.
    let entriesEnd = fileSize - Self.trailerByteCount
    try require(
      count <= (entriesEnd - Self.headerByteCount) / 4, "speaks of \(count) blocks, and the file has \(fileSize) bytes")
    let encoded = try bytes(entriesEnd - 4 * count..<entriesEnd)
    let entries = (0..<count).map { UInt32(truncatingIfNeeded: Self.number(encoded, at: 4 * $0, bytes: 4)) }
    let frameStart = entries.reduce(0) { $0 + Int($1 >> 8) }
    let runsStart = frameStart + Self.headerByteCount
    let runsEnd = entriesEnd - 4 * count
    try require(
      runsStart <= runsEnd && (runsEnd - runsStart) % Run.byteCount == 0,
      "does not follow its blocks, which end at \(frameStart)")
    let header = try bytes(frameStart..<runsStart)
    try require(
      Self.number(header, at: 0, bytes: 4) == UInt64(Self.magic)
        && Self.number(header, at: 4, bytes: 4) == UInt64(fileSize - runsStart), "has another beginning")
    let encodedRuns = try bytes(runsStart..<runsEnd)
    var crc = CRC32()
    for part in [encodedRuns, encoded, Array(trailer.dropLast(4))] { part.withUnsafeBytes { crc.update($0) } }
    try require(crc.value == sum, "has another checksum")
    var runs: [Run] = []
    for start in Swift.stride(from: 0, to: encodedRuns.count, by: Run.byteCount) {
      let run = try Self.run(encodedRuns, at: start, named: name)
      try require(run.firstBlock < count && (runs.last?.firstBlock ?? -1) < run.firstBlock, "has runs out of order")
      runs.append(run)
    }
    self.init(byteCount: size, entries: entries, runs: runs)
    for (block, entry) in entries.enumerated() {
      let transform = Int(entry & 0xFF)
      try require(
        (1...BlockEncoder.codedByteLimit).contains(Int(entry >> 8)) && transform <= BlockEncoder.knownTransforms,
        "has an impossible entry for block \(block)")
      try require(
        transform & BlockEncoder.difference == 0 || base(ofBlock: block) != nil,
        "does not say what block \(block) is a difference from")
    }
  }

  private static func number(_ bytes: [UInt8], at offset: Int, bytes count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
  }

  private static func run(_ bytes: [UInt8], at offset: Int, named name: String) throws(BlobStoreError) -> Run {
    let id = bytes[offset + 4..<offset + 36]
    guard let digest = Digest(bytes: id) else { throw .damaged(name, "its index names no base") }
    return Run(
      firstBlock: Int(number(bytes, at: offset, bytes: 4)), base: id.allSatisfy { $0 == 0 } ? nil : digest,
      shift: Int(Int64(bitPattern: number(bytes, at: offset + 36, bytes: 8))))
  }
}
