import PosixIO
import Synchronization
import SystemPackage
import Tensors

/// Writes something that is stored as a compressed file.
struct PackedWriter: Sendable {
  private let source: any StoredBytes
  private let blockCount: Int
  /// What blocks may be differences from, and what has its bytes.
  private let runs: [PackedIndex.Run]
  private let bases: [Digest: any StoredBytes]
  /// Blocks that are coded before they are written: 2 MiB for each thread.
  private static let batch = 16

  /// - Parameters:
  ///   - resemblance: where what the blocks may be differences from lies; nil for nowhere.
  ///   - bases: those that may be used.
  init(_ source: any StoredBytes, from resemblance: Resemblance? = nil, in bases: [Digest: any StoredBytes] = [:]) {
    self.source = source
    self.bases = bases
    blockCount = PackedIndex.blockCount(of: source.byteCount)
    runs = resemblance?.runs(byteCount: source.byteCount, bases.mapValues(\.byteCount)) ?? []
  }

  /// Blobs that blocks may be differences from.
  var possibleBases: Set<Digest> { Set(runs.compactMap(\.base)) }

  /// A block, coded.
  private struct Coded: Sendable {
    var bytes: [UInt8]
    var transform: UInt8
  }

  /// The size that the file would have, from 64 blocks all over the blob: 8 MiB are read and coded at most.
  func estimate() throws(BlobStoreError) -> Int {
    let count = min(64, blockCount)
    let blocks = (0..<count).map { $0 * blockCount / count }
    let read = blocks.reduce(0) { $0 + range($1).count }
    guard read > 0 else { return 0 }
    let coded = try encode(blocks, threads: ParallelWork.processorCount).reduce(0) { $0 + $1.bytes.count }
    return Int(Double(coded) / Double(read) * Double(source.byteCount)) + 4 * blockCount + 24
  }

  /// Writes the whole file, which is empty.
  ///
  /// - Parameters:
  ///   - threads: how many code at once.
  ///   - progress: told of the bytes of the blob that are done; answers whether to go on.
  /// - Returns: the file's size, and what it is a difference from.
  /// - Throws: `system(EINTR)` if it is not to go on.
  func write(
    to file: OpenedFile, threads: Int, progress: RangeScanner.Progress
  ) throws(BlobStoreError) -> (byteCount: Int, bases: Set<Digest>) {
    var entries: [UInt32] = []
    entries.reserveCapacity(blockCount)
    var end = 0
    while entries.count < blockCount {
      let blocks = entries.count..<min(entries.count + Self.batch * threads, blockCount)
      // One write for all: each is a call, and each call a step at which a disk may be full.
      var bytes: [UInt8] = []
      for coded in try encode(Array(blocks), threads: threads) {
        bytes += coded.bytes
        entries.append(UInt32(coded.bytes.count) << 8 | UInt32(coded.transform))
      }
      try system(try file.write(bytes, at: end))
      end += bytes.count
      guard progress(blocks.reduce(0) { $0 + range($1).count }) else {
        throw .system(PosixError(.interrupted, call: "compress", path: source.name))
      }
    }
    let index = PackedIndex(
      byteCount: source.byteCount, entries: entries, runs: PackedIndex.needed(runs, for: entries))
    let frame = index.frame
    try system(try file.write(frame, at: end))
    return (end + frame.count, index.bases)
  }

  private func range(_ block: Int) -> Range<Int> { PackedIndex.range(ofBlock: block, of: source.byteCount) }

  private struct Results: Sendable {
    var next = 0
    var coded: [Coded?]
    var failure: BlobStoreError?
  }

  private func encode(_ blocks: [Int], threads: Int) throws(BlobStoreError) -> [Coded] {
    let results = Mutex(Results(coded: Array(repeating: nil, count: blocks.count)))
    ParallelWork.run(min(threads, blocks.count)) {
      guard let encoder = BlockEncoder() else { return }
      while true {
        let position = results.withLock { results -> Int? in
          guard results.failure == nil, results.next < blocks.count else { return nil }
          results.next += 1
          return results.next - 1
        }
        guard let position else { return }
        do throws(BlobStoreError) {
          let coded = try encode(blocks[position], with: encoder)
          results.withLock { $0.coded[position] = coded }
        } catch {
          results.withLock { $0.failure = $0.failure ?? error }
        }
      }
    }
    let (coded, failure) = results.withLock { ($0.coded, $0.failure) }
    if let failure { throw failure }
    let all = coded.compactMap(\.self)
    // A thread without an encoder codes nothing.
    guard all.count == blocks.count else {
      throw .system(PosixError(.noMemory, call: "malloc", path: source.name))
    }
    return all
  }

  private func encode(_ block: Int, with encoder: BlockEncoder) throws(BlobStoreError) -> Coded {
    let range = range(block)
    let bytes = try Self.bytes(range, of: source)
    let place = PackedIndex.base(of: range, ofBlock: block, in: runs)
    var base: [UInt8]?
    if let place, let bytes = bases[place.blob] { base = try Self.bytes(place.range, of: bytes) }
    var transform: UInt8 = 0
    let coded = try [UInt8](upTo: BlockEncoder.codedByteLimit) { (target) throws(BlobStoreError) in
      let result = bytes.withUnsafeBytes { bytes in
        guard let base else { return encoder.encode(bytes, into: target) }
        return base.withUnsafeBytes { encoder.encode(bytes, base: $0, into: target) }
      }
      guard let result else { throw .system(PosixError(.noMemory, call: "zstd", path: source.name)) }
      transform = result.transform
      return result.byteCount
    }
    return Coded(bytes: coded, transform: transform)
  }

  private static func bytes(_ range: Range<Int>, of stored: any StoredBytes) throws(BlobStoreError) -> [UInt8] {
    try [UInt8](upTo: range.count) { (buffer) throws(BlobStoreError) in
      try stored.read(range, into: buffer, unless: .never)
      return range.count
    }
  }
}
