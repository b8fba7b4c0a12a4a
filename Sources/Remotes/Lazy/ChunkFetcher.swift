import Dispatch
import Glibc
import PosixIO
import StoreRecords
import Synchronization

/// The threads that fetch chunks: what somebody waits for first, what is fetched ahead after that. Four of them do nothing else than
/// the first, so that nobody waits behind what nobody has asked for yet.
final class ChunkFetcher: Sendable {
  /// Groups of a blob that follow each other, to be fetched at once.
  private struct Run: Sendable {
    var blob: LazyBlob
    var groups: Range<Int>
  }

  private struct State: Sendable {
    var wanted: [Run] = []
    var ahead: [Run] = []
    var workingCount = 0
    var isStopping = false
  }

  private static let threadCount = 8
  private static let reservedCount = 4
  /// Runs that wait to be fetched ahead; more are not begun: up to 512 MiB.
  private static let aheadLimit = 16

  let place: RemotePlace
  let budget: CacheBudget
  let health: RemoteHealth
  let loose = LooseChunks()
  /// How long a read waits in all; nil for ever.
  let timeout: Duration?
  private let state = Mutex(State())
  private let wake = (any: DispatchSemaphore(value: 0), reserved: DispatchSemaphore(value: 0))

  init(_ place: RemotePlace, _ budget: CacheBudget, _ health: RemoteHealth, timeout: Duration?) {
    self.place = place
    self.budget = budget
    self.health = health
    self.timeout = timeout
  }

  /// Starts the threads.
  func start() {
    for index in 0..<Self.threadCount {
      let thread = PosixThread.start { self.work(isReserved: index < Self.reservedCount) }
      if let thread { pthread_detach(thread) }
    }
  }

  /// Ends what is under way, and begins nothing more.
  func stop() {
    state.withLock { state in
      state.isStopping = true
      (state.wanted, state.ahead) = ([], [])
    }
    budget.forgetAll()
    for _ in 0..<Self.threadCount {
      wake.any.signal()
      wake.reserved.signal()
    }
  }

  var isStopping: Bool { state.withLock { $0.isStopping } }

  /// Whether somebody waits, or something is fetched ahead.
  var isBusy: Bool { state.withLock { $0.workingCount > 0 || !$0.wanted.isEmpty || !$0.ahead.isEmpty } }

  /// Somebody waits for a group.
  func want(_ group: Int, of blob: LazyBlob) {
    state.withLock { $0.wanted.append(Run(blob: blob, groups: group..<group + 1)) }
    wake.any.signal()
    wake.reserved.signal()
  }

  /// Whether something may be fetched ahead now.
  var hasRoomAhead: Bool {
    if budget.isTight || health.figures.isFailing { return false }
    return state.withLock { $0.ahead.count < Self.aheadLimit }
  }

  func fetchAhead(_ runs: [Range<Int>], of blob: LazyBlob) {
    if runs.isEmpty { return }
    state.withLock { $0.ahead += runs.map { Run(blob: blob, groups: $0) } }
    for _ in runs { wake.any.signal() }
  }

  private func work(isReserved: Bool) {
    while true {
      let (run, isStopping) = state.withLock { state -> (Run?, Bool) in
        if state.isStopping { return (nil, true) }
        let run: Run? =
          if !state.wanted.isEmpty { state.wanted.removeFirst() } else if !isReserved, !state.ahead.isEmpty {
            state.ahead.removeFirst()
          } else { nil }
        if run != nil { state.workingCount += 1 }
        return (run, false)
      }
      if isStopping { return }
      guard let run else {
        (isReserved ? wake.reserved : wake.any).wait()
        continue
      }
      run.blob.fetch(run.groups)
      state.withLock { $0.workingCount -= 1 }
    }
  }
}
