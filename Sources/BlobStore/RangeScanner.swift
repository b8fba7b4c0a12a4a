package import PosixIO
import Synchronization
import SystemPackage

/// Reads many ranges of a file once, on all cores, and folds each into a result.
package struct RangeScanner: Sendable {
  /// Bytes of a chunk: small enough to stay in a core's cache, and a multiple of every element's width.
  private static let chunkByteCount = 1 << 20
  /// Bytes of neighbouring ranges that are read at once: a file may have a million ranges of a few bytes.
  private static let groupByteCount = 256 << 10

  /// Told of the bytes done since its last call, from several threads; answers whether to go on.
  package typealias Progress = @Sendable (_ bytes: Int) -> Bool

  /// Fills a buffer from an offset, wholly, for one of the ranges that are scanned.
  package typealias Read =
    @Sendable (
      _ range: Int, _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PosixError) -> Void

  private let read: Read
  private let progress: Progress
  /// Whether ranges that follow each other may be read at once, as those of one file.
  private let joinsNeighbours: Bool

  /// Scans whatever `read` reads, each range by itself.
  package init(progress: @escaping Progress = { _ in true }, read: @escaping Read) {
    self.init(joiningNeighbours: false, progress: progress, read: read)
  }

  private init(joiningNeighbours: Bool, progress: @escaping Progress, read: @escaping Read) {
    self.read = read
    self.progress = progress
    joinsNeighbours = joiningNeighbours
  }

  /// Scans `file` with `pread(2)`, never through a mapping, so that a file that is truncated meanwhile is an error (`EIO`)
  /// and not a signal.
  ///
  /// - Parameter witness: says when a part may be read.
  package init(_ file: OpenedFile, after witness: FileWitness? = nil, progress: @escaping Progress = { _ in true }) {
    self.init(joiningNeighbours: true, progress: progress) { (_, offset, buffer) throws(PosixError) in
      try witness?.awaitClean(upTo: offset + buffer.count)
      try file.fill(buffer, at: offset)
    }
  }

  /// Scans something that is stored.
  package init(_ bytes: any StoredBytes, progress: @escaping Progress = { _ in true }) {
    self.init(joiningNeighbours: true, progress: progress) { (_, offset, buffer) throws(PosixError) in
      try Self.read(bytes, offset, buffer)
    }
  }

  /// Scans `source` and writes what it reads to the same offset of `target`, so that copying costs no second pass.
  package init(
    copying source: any StoredBytes, to target: OpenedFile, progress: @escaping Progress = { _ in true }
  ) {
    self.init(joiningNeighbours: true, progress: progress) { (_, offset, buffer) throws(PosixError) in
      try Self.read(source, offset, buffer)
      try target.write(UnsafeRawBufferPointer(buffer), at: offset)
    }
  }

  /// Fills a buffer from an offset of something that is stored, wholly.
  package static func read(
    _ bytes: any StoredBytes, _ offset: Int, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(PosixError) {
    do throws(BlobStoreError) {
      try bytes.read(offset..<offset + buffer.count, into: buffer, unless: .never)
    } catch {
      if case .system(let error) = error { throw error }
      throw PosixError(.ioError, call: "read: \(error)", path: bytes.name)
    }
  }

  private struct State<Result> {
    var position = 0
    var results: [Result]
    var failure: PosixError?

    mutating func next(in order: [Int]) -> Int? {
      guard failure == nil, position < order.count else { return nil }
      position += 1
      return order[position - 1]
    }
  }

  /// Folds the chunks of each range, in order, into a copy of `initial`.
  ///
  /// - Parameter finish: what is kept of a range when all of it was read. There may be a million ranges.
  /// - Returns: the results, parallel to `ranges`.
  /// - Throws: the first failed read; `EINTR` if `progress` asked to stop.
  package func scan<Sum: Sendable, Result: Sendable>(
    _ ranges: [Range<Int>], into initial: Sum,
    _ fold: @escaping @Sendable (_ sum: inout Sum, _ range: Int, _ chunk: UnsafeRawBufferPointer) -> Void,
    finish: @escaping @Sendable (_ sum: Sum) -> Result
  ) throws(PosixError) -> [Result] {
    // Each place begins with the result of no bytes: one array is enough, and an empty range has its result.
    let state = Mutex(State<Result>(results: Array(repeating: finish(initial), count: ranges.count)))
    let groups = groups(of: ranges)
    // Large ones first: the last to finish is then a small one.
    let order = groups.indices.sorted { a, b in
      Self.stretch(ranges, groups[a]).count > Self.stretch(ranges, groups[b]).count
    }
    // A thread costs more than reading little.
    let byteCount = ranges.reduce(0) { $0 &+ $1.count }
    let isLittle = byteCount <= Self.chunkByteCount
    ParallelWork.run(isLittle ? 1 : min(order.count, ParallelWork.processorCount)) {
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunkByteCount, alignment: 4096)
      defer { buffer.deallocate() }
      while let index = state.withLock({ $0.next(in: order) }) {
        do throws(PosixError) {
          let results = try scan(groups[index], of: ranges, buffer, into: initial, fold, finish)
          state.withLock { state in
            for (index, result) in zip(groups[index], results) { state.results[index] = result }
          }
        } catch {
          state.withLock { $0.failure = $0.failure ?? error }
        }
      }
    }
    let (results, failure) = state.withLock { ($0.results, $0.failure) }
    if let failure { throw failure }
    return results
  }

  /// Folds the ranges of a group, which are read at once.
  private func scan<Sum, Result>(
    _ group: Range<Int>, of ranges: [Range<Int>], _ buffer: UnsafeMutableRawBufferPointer, into initial: Sum,
    _ fold: (_ sum: inout Sum, _ range: Int, _ chunk: UnsafeRawBufferPointer) -> Void, _ finish: (_ sum: Sum) -> Result
  ) throws(PosixError) -> [Result] {
    let stretch = Self.stretch(ranges, group)
    if group.count == 1 {
      var sum = initial
      try forEachChunk(of: stretch, group.lowerBound, buffer) { fold(&sum, group.lowerBound, $0) }
      return [finish(sum)]
    }
    var results: [Result] = []
    // Few enough bytes for one chunk; none at all if all of the ranges are empty.
    try forEachChunk(of: stretch, group.lowerBound, buffer) { bytes in
      for index in group {
        var sum = initial
        let start = ranges[index].lowerBound - stretch.lowerBound
        let part = UnsafeRawBufferPointer(rebasing: bytes[start..<start + ranges[index].count])
        if !part.isEmpty { fold(&sum, index, part) }
        results.append(finish(sum))
      }
    }
    return results
  }

  /// As ``scan(_:into:_:finish:)``; what was folded is kept as it is.
  package func scan<Result: Sendable>(
    _ ranges: [Range<Int>], into initial: Result,
    _ fold: @escaping @Sendable (_ result: inout Result, _ range: Int, _ chunk: UnsafeRawBufferPointer) -> Void
  ) throws(PosixError) -> [Result] {
    try scan(ranges, into: initial, fold, finish: { $0 })
  }

  /// Which ranges are read at once, by their indices: neighbours that follow each other and are small together.
  private func groups(of ranges: [Range<Int>]) -> [Range<Int>] {
    var groups: [Range<Int>] = []
    var start = 0
    for index in ranges.indices.dropFirst() {
      if joinsNeighbours, ranges[index].lowerBound == ranges[index - 1].upperBound,
        ranges[index].upperBound - ranges[start].lowerBound <= Self.groupByteCount
      {
        continue
      }
      groups.append(start..<index)
      start = index
    }
    if !ranges.isEmpty { groups.append(start..<ranges.count) }
    return groups
  }

  /// What the ranges of a group cover.
  private static func stretch(_ ranges: [Range<Int>], _ group: Range<Int>) -> Range<Int> {
    ranges[group.lowerBound].lowerBound..<ranges[group.upperBound - 1].upperBound
  }

  private func forEachChunk(
    of range: Range<Int>, _ index: Int, _ buffer: UnsafeMutableRawBufferPointer,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(PosixError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = min(buffer.count, range.upperBound - offset)
      let chunk = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      try read(index, offset, chunk)
      body(UnsafeRawBufferPointer(chunk))
      offset += count
      guard progress(count) else { throw PosixError(.interrupted, call: "scan", path: "") }
    }
  }
}
