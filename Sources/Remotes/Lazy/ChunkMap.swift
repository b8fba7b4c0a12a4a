import Dispatch
import StoreRecords
import Synchronization

/// Somebody who waits for a group of chunks to come, or for the news that it does not.
final class ChunkWaiter: Sendable {
  private let signal = DispatchSemaphore(value: 0)
  private let outcome = Mutex<StoreError?>(nil)

  /// Why nothing came; nil if something may be there now.
  var failure: StoreError? { outcome.withLock { $0 } }

  func end(_ failure: StoreError?) {
    outcome.withLock { $0 = failure }
    signal.signal()
  }

  /// Waits for the end, for a while; whether it has come.
  func wait(milliseconds: Int) -> Bool { signal.wait(timeout: .now() + .milliseconds(milliseconds)) == .success }
}

/// What is known of the chunks of a blob that is not here as a whole. A value, which does nothing itself: whoever has it locks it.
///
/// Chunks come in groups, which are fetched at once, and go in extents. A group that somebody works on has a flight: nobody else
/// works on it then, and whoever needs it waits.
struct ChunkMap: Sendable {
  /// Chunks that are fetched at once for somebody who reads here and there: 2 MiB.
  static let groupChunkCount = 2
  /// Groups of one request at most: 32 MiB. A registry spends as much on each request as on sending some 10 MiB.
  static let runGroupCount = 16
  /// How many groups behind the one that comes next in a request somebody waits for: 8 MiB. What is further behind is asked for on
  /// its own.
  private static let nearGroupCount = 4
  /// Chunks that give their space back at once: 16 MiB.
  static let extentChunkCount = 16

  private enum Phase: Sendable {
    /// A reader compares what the file has with its digests.
    case proving
    /// It is to be fetched; whether what the file has was compared already.
    case queued(isProven: Bool)
    /// It is fetched, or given up.
    case busy
    /// It comes by a request for several groups, which is known by its number.
    case coming(Int)
  }

  /// How far a blob is here. Once all of it is, nothing of it goes.
  enum Stage: Sendable {
    case partial
    /// All chunks are, and it is looked at as a whole.
    case checking
    /// The kernel may read the file itself.
    case whole
  }

  private struct Flight: Sendable {
    var phase: Phase
    var waiting: [ChunkWaiter] = []
  }

  private struct Extent: Sendable {
    var lastUse: UInt64 = 0
    /// How many read it, or work on it.
    var holds = 0
  }

  let chunkCount: Int
  /// Chunks whose bytes in the file are what they should be.
  private(set) var proven: ChunkSet
  private var flights: [Int: Flight] = [:]
  /// For each request of several groups the one that comes next.
  private var requests: [Int: Int] = [:]
  private var requestCount = 0
  private var extents: [Extent]
  private var positions = ReadPositions()
  /// How far the blob is here.
  var stage = Stage.partial
  /// Why the blob is not read at all.
  var refusal: StoreError?

  init(chunkCount: Int) {
    self.chunkCount = chunkCount
    proven = ChunkSet(capacity: chunkCount)
    extents = Array(repeating: Extent(), count: (chunkCount + Self.extentChunkCount - 1) / Self.extentChunkCount)
  }

  var groupCount: Int { (chunkCount + Self.groupChunkCount - 1) / Self.groupChunkCount }

  func chunks(of group: Int) -> Range<Int> {
    group * Self.groupChunkCount..<min(chunkCount, (group + 1) * Self.groupChunkCount)
  }

  func chunks(ofExtent extent: Int) -> Range<Int> {
    extent * Self.extentChunkCount..<min(chunkCount, (extent + 1) * Self.extentChunkCount)
  }

  private static func extent(ofGroup group: Int) -> Int { group * groupChunkCount / extentChunkCount }

  // MARK: For readers

  /// What a reader of a chunk has to do.
  enum Claim: Sendable {
    /// Read it, and ``letGo(_:)``.
    case held
    /// Compare what the file has of the group, and tell with ``endProving(_:)``.
    case prove(group: Int)
    /// Wait; and ask for the group, if it was only fetched ahead so far.
    case wait(ChunkWaiter, group: Int, isQueued: Bool)
  }

  mutating func claim(_ chunk: Int, at time: UInt64) -> Claim {
    if proven.contains(chunk) {
      extents[chunk / Self.extentChunkCount].holds += 1
      extents[chunk / Self.extentChunkCount].lastUse = time
      return .held
    }
    let group = chunk / Self.groupChunkCount
    switch flights[group]?.phase {
    case nil:
      begin(group, .proving)
      return .prove(group: group)
    case .queued(isProven: false):
      // Whoever was to fetch it may wait for a network that is gone: what is here need not.
      flights[group]?.phase = .proving
      return .prove(group: group)
    case .queued(isProven: true): return .wait(newWaiter(for: group), group: group, isQueued: true)
    case .coming(let request) where group - requests[request, default: group] > Self.nearGroupCount:
      flights[group]?.phase = .queued(isProven: true)
      return .wait(newWaiter(for: group), group: group, isQueued: true)
    case .proving, .busy, .coming: return .wait(newWaiter(for: group), group: group, isQueued: false)
    }
  }

  private mutating func newWaiter(for group: Int) -> ChunkWaiter {
    let waiter = ChunkWaiter()
    flights[group]?.waiting.append(waiter)
    return waiter
  }

  mutating func letGo(_ chunk: Int) { extents[chunk / Self.extentChunkCount].holds -= 1 }

  /// What the file has of a group was compared.
  ///
  /// - Returns: whether the rest is to be fetched, and those who wait for something that may be there now.
  mutating func endProving(_ group: Int) -> (isMissing: Bool, waiting: [ChunkWaiter]) {
    if proven.contains(all: chunks(of: group)) { return (false, land([group])) }
    let waiting = flights[group]?.waiting ?? []
    flights[group]?.waiting = []
    flights[group]?.phase = .queued(isProven: true)
    return (true, waiting)
  }

  /// Notes what is read, and begins flights of what is to be fetched ahead: runs of groups.
  mutating func advance(over chunks: Range<Int>) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for group in chunks.lowerBound / Self.groupChunkCount...(chunks.upperBound - 1) / Self.groupChunkCount {
      let (groups, runGroupCount) = positions.advance(to: group, of: groupCount)
      runs += queue(groups, runGroupCount: runGroupCount)
    }
    return runs
  }

  /// Begins flights of those of some groups that nobody has yet: as runs, none of which goes beyond a multiple of their length.
  mutating func queue(_ groups: Range<Int>, runGroupCount: Int = runGroupCount) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for group in groups where flights[group] == nil && !proven.contains(all: self.chunks(of: group)) {
      begin(group, .queued(isProven: false))
      if let last = runs.last, last.upperBound == group, group % runGroupCount != 0 {
        runs[runs.count - 1] = last.lowerBound..<group + 1
      } else {
        runs.append(group..<group + 1)
      }
    }
    return runs
  }

  // MARK: For whoever fetches

  private mutating func begin(_ group: Int, _ phase: Phase) {
    flights[group] = Flight(phase: phase)
    extents[Self.extent(ofGroup: group)].holds += 1
  }

  /// Takes those of a run's groups that are still to be fetched.
  mutating func take(_ run: Range<Int>) -> [(group: Int, isProven: Bool)] {
    var taken: [(group: Int, isProven: Bool)] = []
    for group in run {
      guard case .queued(let isProven)? = flights[group]?.phase else { continue }
      flights[group]?.phase = .busy
      taken.append((group, isProven))
    }
    return taken
  }

  /// Begins a request for groups that were taken; whoever needs one of them soon waits for it.
  ///
  /// - Returns: its number.
  mutating func beginRequest(_ groups: [Int]) -> Int {
    requestCount += 1
    requests[requestCount] = groups.first
    for group in groups { flights[group]?.phase = .coming(requestCount) }
    return requestCount
  }

  /// Whether a chunk that a request brings is still to come by it; somebody who could not wait may have asked for it meanwhile.
  mutating func isComing(_ chunk: Int, by request: Int) -> Bool {
    let group = chunk / Self.groupChunkCount
    requests[request] = group
    guard case .coming(request)? = flights[group]?.phase else { return false }
    return true
  }

  /// Ends a request.
  ///
  /// - Returns: those of its groups that have not landed.
  mutating func endRequest(_ request: Int, _ groups: [Int]) -> [Int] {
    requests[request] = nil
    return groups.filter { if case .coming(request)? = flights[$0]?.phase { true } else { false } }
  }

  /// Whether somebody waits for a chunk.
  func isAwaited(_ chunk: Int) -> Bool { flights[chunk / Self.groupChunkCount]?.waiting.isEmpty == false }

  mutating func insert(_ chunk: Int) { proven.insert(chunk) }

  /// As ``insert(_:)``, of a chunk that has just come: it gives its place to others no sooner than what is read now.
  mutating func insert(_ chunk: Int, at time: UInt64) {
    insert(chunk)
    extents[chunk / Self.extentChunkCount].lastUse = time
  }

  mutating func remove(_ chunk: Int) { proven.remove(chunk) }

  /// Ends flights.
  ///
  /// - Returns: those who wait for them.
  mutating func land(_ groups: [Int]) -> [ChunkWaiter] {
    groups.flatMap { group -> [ChunkWaiter] in
      guard let flight = flights.removeValue(forKey: group) else { return [] }
      extents[Self.extent(ofGroup: group)].holds -= 1
      return flight.waiting
    }
  }

  /// All chunks are here: from now on none goes. False if one has gone, or somebody was faster.
  mutating func beginChecking() -> Bool {
    guard stage == .partial, refusal == nil, proven.count == chunkCount else { return false }
    stage = .checking
    return true
  }

  // MARK: Giving space back

  /// Extents that nobody reads or works on, and when each was read last.
  var idleExtents: [(extent: Int, lastUse: UInt64)] {
    if stage != .partial { return [] }
    return extents.indices.filter { extents[$0].holds == 0 }.map { ($0, extents[$0].lastUse) }
  }

  /// Takes an extent, so that nobody reads it: nothing of it counts from now on. End it with ``land(_:)``.
  ///
  /// - Returns: its groups; nil if somebody reads it, or works on it.
  mutating func takeExtent(_ extent: Int) -> [Int]? {
    guard stage == .partial, extents[extent].holds == 0 else { return nil }
    let chunks = chunks(ofExtent: extent)
    for chunk in chunks { proven.remove(chunk) }
    let groups = Array(chunks.lowerBound / Self.groupChunkCount...(chunks.upperBound - 1) / Self.groupChunkCount)
    for group in groups { begin(group, .busy) }
    return groups
  }
}
