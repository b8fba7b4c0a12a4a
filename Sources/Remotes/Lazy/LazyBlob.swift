import BlobStore
import Glibc
import PosixIO
import StoreRecords
import Synchronization
import SystemPackage
import Tensors

/// A blob of a remote that comes when somebody reads it: into a file of the cache, a chunk at a time, each compared with its digest
/// before anybody gets it.
///
/// What the file has from an earlier mount, or from one that was killed, counts only once it was compared, too: it may be damaged,
/// half written, or never written at all.
final class LazyBlob: StoredBytes {
  /// What a blob is, and what its bytes have to be.
  struct Content: Sendable {
    /// Its id in the store.
    var id: Digest
    var blob: RemoteBlob
    /// How it is hashed in the store; nil for one segment.
    var table: SegmentTable?
    /// Of each chunk.
    var chunks: [Digest]
  }

  let content: Content
  private let file: OpenedFile
  private let fetcher: ChunkFetcher
  /// What lies at a range, for messages.
  private let describe: @Sendable (Range<Int>) -> String
  private let map: Mutex<ChunkMap>

  init(
    _ content: Content, in file: OpenedFile, _ fetcher: ChunkFetcher,
    describe: @escaping @Sendable (Range<Int>) -> String
  ) {
    self.content = content
    self.file = file
    self.fetcher = fetcher
    self.describe = describe
    map = Mutex(ChunkMap(chunkCount: content.chunks.count))
  }

  var name: String { Blob.name(of: content.id) }
  var byteCount: Int { content.blob.byteCount }
  var localFile: OpenedFile? { map.withLock { $0.stage == .whole } ? file : nil }

  func isAtHand(_ range: Range<Int>) -> Bool {
    if range.isEmpty { return true }
    let chunks = BlobSums.chunks(of: range)
    return map.withLock { $0.proven.contains(all: chunks) }
  }

  // MARK: Reading

  func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, unless interruption: Interruption
  ) throws(BlobStoreError) {
    guard range.lowerBound >= 0, range.upperBound <= byteCount, buffer.count >= range.count else {
      throw .damaged(name, "it has \(byteCount) bytes, and \(range) were asked for")
    }
    if range.isEmpty { return }
    let chunks = BlobSums.chunks(of: range)
    fetchAhead(of: chunks)
    let patience = ReadPatience(fetcher.timeout, unless: interruption)
    for chunk in chunks {
      let part = content.blob.bytes(of: chunk..<chunk + 1).clamped(to: range)
      let start = part.lowerBound - range.lowerBound
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + part.count])
      do throws(StoreError) {
        try read(part, of: chunk, into: target, patience)
      } catch {
        if case .interrupted = error.code { throw .system(PosixError(.interrupted, call: "read", path: name)) }
        throw .unreachable(describe(part), error.message)
      }
    }
  }

  private func fetchAhead(of chunks: Range<Int>) {
    let isWanted = fetcher.hasRoomAhead
    let runs = map.withLock { map in !isWanted ? [] : map.advance(over: chunks) }
    fetcher.fetchAhead(runs, of: self)
  }

  private func read(
    _ range: Range<Int>, of chunk: Int, into buffer: UnsafeMutableRawBufferPointer, _ patience: ReadPatience
  ) throws(StoreError) {
    while true {
      if let refusal = map.withLock({ $0.refusal }) { throw refusal }
      if let bytes = fetcher.loose[.init(blob: content.id, chunk: chunk)] {
        let start = range.lowerBound - chunk * BlobSums.chunkByteCount
        return buffer.copyBytes(from: bytes[start..<start + range.count])
      }
      switch map.withLock({ $0.claim(chunk, at: fetcher.budget.tick()) }) {
      case .held:
        defer { map.withLock { $0.letGo(chunk) } }
        guard try posix(try file.read(at: range.lowerBound, into: buffer)) == range.count else {
          throw StoreError(.damaged, "\(file.path) was cut off by somebody")
        }
        return
      case .prove(let group): try prove(group, patience)
      case .wait(let waiter, let group, let isQueued):
        if isQueued { fetcher.want(group, of: self) }
        try wait(waiter, patience)
      }
    }
  }

  /// Compares what the file has of a group, and asks for the rest.
  private func prove(_ group: Int, _ patience: ReadPatience) throws(StoreError) {
    proveKept(group)
    let (isMissing, waiting) = map.withLock { $0.endProving(group) }
    for waiter in waiting { waiter.end(nil) }
    guard isMissing else { return noteArrival() }
    if fetcher.health.mayTry() { return fetcher.want(group, of: self) }
    let error = StoreError(
      .system(errno: EIO), "\(fetcher.place.name) does not answer: \(fetcher.health.figures.lastError ?? "no reason")")
    land(map.withLock { $0.take(group..<group + 1) }.map(\.group), error)
    throw error
  }

  private func wait(_ waiter: ChunkWaiter, _ patience: ReadPatience) throws(StoreError) {
    while !waiter.wait(milliseconds: 20) {
      try patience.check { fetcher.health.noteGivenUp() }
      if fetcher.isStopping { throw StoreError(.interrupted, "the mount ends") }
    }
    guard let failure = waiter.failure else { return }
    guard Self.mayPass(failure) else { throw failure }
    try patience.rest(after: failure) { fetcher.health.noteGivenUp() }
  }

  /// Whether what failed may come right if it is tried again.
  private static func mayPass(_ error: StoreError) -> Bool {
    switch error.code {
    case .system(errno: EACCES), .system(errno: EOPNOTSUPP), .system(errno: EPROTO), .damaged, .unknownVersion: false
    default: true
    }
  }

  // MARK: What the file has

  /// Compares those chunks of a group that the file may have. What is not what it should be goes.
  private func proveKept(_ group: Int) {
    let unproven = map.withLock { map in map.chunks(of: group).filter { !map.proven.contains($0) } }
    var buffer: [UInt8] = []
    for chunk in unproven {
      let range = content.blob.bytes(of: chunk..<chunk + 1)
      guard file.hasData(in: range) else { continue }
      if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: BlobSums.chunkByteCount) }
      if hasProof(of: chunk, at: range, &buffer) {
        map.withLock { $0.insert(chunk) }
      } else {
        fetcher.health.noteDamage(content.id, chunk)
        drop(range)
      }
    }
  }

  private func hasProof(of chunk: Int, at range: Range<Int>, _ buffer: inout [UInt8]) -> Bool {
    let expected = content.chunks[chunk]
    return buffer.withUnsafeMutableBytes { bytes in
      let bytes = UnsafeMutableRawBufferPointer(rebasing: bytes[..<range.count])
      do throws(PosixError) {
        guard try file.read(at: range.lowerBound, into: bytes) == range.count else { return false }
      } catch {
        return false
      }
      return Digest(hashing: UnsafeRawBufferPointer(bytes)) == expected
    }
  }

  /// Gives the space of a range back.
  ///
  /// - Parameter reserved: bytes that were reserved for it; nil for what its blocks take.
  private func drop(_ range: Range<Int>, giving reserved: Int? = nil) {
    var byteCount = reserved ?? 0
    do throws(PosixError) {
      let before = try file.status().allocated
      try file.punchHole(range)
      let freed = before - (try file.status().allocated)
      byteCount = reserved ?? freed
    } catch {
      // Its space stays taken; what is there does not count.
    }
    fetcher.budget.release(byteCount)
  }

  // MARK: Fetching

  /// Fetches those of some groups that are still wanted.
  func fetch(_ groups: Range<Int>) {
    let taken = map.withLock { $0.take(groups) }
    if taken.isEmpty { return }
    for (group, isProven) in taken where !isProven { proveKept(group) }
    let (request, groups, missing, waiting) = map.withLock { map in
      let groups = taken.map(\.group).filter { !map.proven.contains(all: map.chunks(of: $0)) }
      let missing = groups.flatMap { map.chunks(of: $0) }.filter { !map.proven.contains($0) }
      let waiting = map.land(taken.map(\.group).filter { !groups.contains($0) })
      return (groups.isEmpty ? nil : map.beginRequest(groups), groups, missing, waiting)
    }
    for waiter in waiting { waiter.end(nil) }
    defer { noteArrival() }
    guard let request, var next = missing.first else { return }
    var failure: StoreError?
    do throws(StoreError) {
      let stream = ChunkStream(
        remote: try fetcher.place.open(), blob: content.blob, digests: content.chunks,
        interruption: Interruption { [fetcher] in fetcher.isStopping })
      for run in Self.runs(of: missing) {
        next = run.lowerBound
        try stream.read(run) { [self] (chunk) throws(StoreError) in
          fetcher.health.noteAnswer(chunk.bytes.count, isBeginning: chunk.isFirst)
          keep(chunk.bytes, of: chunk.index, by: request, isLast: chunk.index + 1 == run.upperBound)
          next = chunk.index + 1
        }
      }
    } catch {
      if !fetcher.isStopping { fetcher.health.noteFailure(error) }
      failure = error
    }
    let left = map.withLock { $0.endRequest(request, groups) }
    // Behind a damaged chunk there may be intact ones: whoever needs those asks again.
    if case .damaged? = failure?.code {
      let damaged = next / ChunkMap.groupChunkCount
      land(left.filter { $0 == damaged }, failure)
      land(left.filter { $0 != damaged }, nil)
    } else {
      land(left, failure)
    }
  }

  /// Keeps a chunk that a request has brought, unless somebody else has fetched it meanwhile.
  ///
  /// - Parameter isLast: whether the chunk behind it does not come by the same request.
  private func keep(_ bytes: UnsafeRawBufferPointer, of chunk: Int, by request: Int, isLast: Bool) {
    guard map.withLock({ $0.isComing(chunk, by: request) }) else { return }
    let isWritten = write(bytes, at: content.blob.bytes(of: chunk..<chunk + 1).lowerBound)
    if !isWritten, map.withLock({ $0.isAwaited(chunk) }) {
      fetcher.loose.insert(Array(bytes), at: .init(blob: content.id, chunk: chunk))
    }
    let group = chunk / ChunkMap.groupChunkCount
    let waiting = map.withLock { map -> [ChunkWaiter] in
      if isWritten { map.insert(chunk, at: fetcher.budget.tick()) }
      return isLast || chunk + 1 == map.chunks(of: group).upperBound ? map.land([group]) : []
    }
    for waiter in waiting { waiter.end(nil) }
  }

  private func land(_ groups: [Int], _ failure: StoreError?) {
    for waiter in map.withLock({ $0.land(groups) }) { waiter.end(failure) }
  }

  /// Chunks in order as runs of those that follow each other.
  private static func runs(of chunks: [Int]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for chunk in chunks {
      if let last = runs.last, last.upperBound == chunk {
        runs[runs.count - 1] = last.lowerBound..<chunk + 1
      } else {
        runs.append(chunk..<chunk + 1)
      }
    }
    return runs
  }

  /// Writes into the cache; false if it has no place.
  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    guard fetcher.budget.reserve(bytes.count) else { return false }
    do throws(PosixError) {
      try file.write(bytes, at: offset)
      return true
    } catch {
      // What was written of it takes space until then, and does not count.
      drop(offset..<offset + bytes.count, giving: bytes.count)
      fetcher.health.noteFailure(StoreError(error))
      return false
    }
  }

  // MARK: As a whole

  /// Whether the file has as many blocks as it needs for all of the blob.
  var isAllKept: Bool {
    do throws(PosixError) { return try file.status().allocated >= byteCount } catch { return false }
  }

  /// Once all chunks are here, looks whether they are what they should be as a whole; then the kernel may read the file itself.
  private func noteArrival() {
    guard map.withLock({ $0.beginChecking() }) else { return }
    guard fetcher.budget.keepWhole(byteCount) else { return map.withLock { $0.stage = .partial } }
    BackgroundThread.start {
      do throws(StoreError) {
        try self.checkWhole()
        self.map.withLock { $0.stage = .whole }
      } catch {
        if case .damaged = error.code { self.map.withLock { $0.refusal = error } }
        self.fetcher.health.noteFailure(error)
      }
    }
  }

  /// Compares the file with the blob's digest, and with those of its tensors.
  private func checkWhole() throws(StoreError) {
    let interruption = Interruption { [fetcher] in fetcher.isStopping }
    let scanner = RangeScanner(file) { _ in !interruption.isRequested }
    let digest = try LayerContent.stored(try posix(try LocalBytes(file))).digest()
    let damaged = try posix(try scanner.damagedSegments(of: content.table?.segments ?? []))
    if digest == content.blob.digest, damaged.isEmpty { return }
    throw StoreError(
      .damaged,
      "\(fetcher.place.name): the blob \(OCIDigest(content.blob.digest)) is not blob \(content.id), as the manifest "
        + "says: it is damaged, or was tampered with")
  }

  /// Compares all that the file has.
  func proveAll() {
    for group in 0..<map.withLock({ $0.groupCount }) {
      if fetcher.isStopping { return }
      if map.withLock({ !$0.queue(group..<group + 1).isEmpty }) {
        let taken = map.withLock { $0.take(group..<group + 1) }
        for (group, _) in taken { proveKept(group) }
        land(taken.map(\.group), nil)
      }
    }
    noteArrival()
  }

  /// Fetches all of it, a run at a time, behind everybody else.
  func prefetch() {
    for group in stride(from: 0, to: map.withLock { $0.groupCount }, by: ChunkMap.runGroupCount) {
      while fetcher.isBusy || fetcher.budget.isTight, !fetcher.isStopping { usleep(50_000) }
      if fetcher.isStopping { return }
      for run in map.withLock({ $0.queue(group..<min(group + ChunkMap.runGroupCount, $0.groupCount)) }) {
        fetch(run)
      }
    }
  }

  // MARK: Giving space back

  var idleExtents: [(extent: Int, lastUse: UInt64)] { map.withLock { $0.idleExtents } }

  /// Gives the space of an extent back.
  ///
  /// - Returns: bytes that became free; 0 if it is in use, or has none.
  func giveBack(_ extent: Int) -> Int {
    let range = content.blob.bytes(of: map.withLock { $0.chunks(ofExtent: extent) })
    guard file.hasData(in: range), let groups = map.withLock({ $0.takeExtent(extent) }) else { return 0 }
    defer { land(groups, nil) }
    do throws(PosixError) {
      let before = try file.status().allocated
      try file.punchHole(range)
      return max(0, before - (try file.status().allocated))
    } catch {
      return 0
    }
  }
}
