import Logging
import StoreRecords
import Synchronization
import Tensors

/// How it stands with a remote: when it answered last, what came, what did not.
final class RemoteHealth: Sendable {
  struct Figures: Sendable {
    /// In nanoseconds since 1970; nil for never.
    var lastContact: Int64?
    var requestCount = 0
    var fetchedByteCount = 0
    var errorCount = 0
    var lastError: String?
    /// Chunks of the cache that were not what they should be.
    var damagedChunkCount = 0
    /// Reads, one after another, that were given up.
    var givenUpCount = 0
    /// Until when reads that need the remote fail at once.
    var hopelessUntil: ContinuousClock.Instant?
    /// Whether the last request came to nothing.
    var isFailing = false
  }

  /// Reads that have to be given up, one after another, before others do not wait any more.
  private static let patience = 3
  /// How long they do not.
  private static let rest = Duration.seconds(5)

  private let name: String
  private let logger: Logger
  private let state = Mutex(Figures())

  init(_ name: String, _ logger: Logger) {
    self.name = name
    self.logger = logger
  }

  var figures: Figures { state.withLock { $0 } }

  /// Notes that the remote has answered, or goes on with an answer.
  ///
  /// - Parameter isBeginning: whether the answer begins with these bytes.
  func noteAnswer(_ byteCount: Int, isBeginning: Bool = true) {
    let wasFailing = state.withLock { state in
      defer { state.isFailing = false }
      state.lastContact = Timestamp.now()
      if isBeginning { state.requestCount += 1 }
      state.fetchedByteCount += byteCount
      state.givenUpCount = 0
      return state.isFailing
    }
    if wasFailing { logger.notice("\(name) answers again") }
  }

  func noteFailure(_ error: StoreError) {
    let isFirst = state.withLock { state in
      defer { state.isFailing = true }
      state.errorCount += 1
      state.lastError = error.message
      return !state.isFailing
    }
    if isFirst { logger.warning("\(name): \(error.message)") }
  }

  /// A chunk of the cache is not what it should be.
  func noteDamage(_ blob: Digest, _ chunk: Int) {
    state.withLock { $0.damagedChunkCount += 1 }
    logger.notice("the cache has chunk \(chunk) of blob \(blob) damaged or half written: it is fetched again")
  }

  /// A read was given up.
  func noteGivenUp() {
    state.withLock { state in
      state.givenUpCount += 1
      state.hopelessUntil = .now + Self.rest
    }
  }

  /// Whether a read may wait for the remote. After some that waited in vain it may not, for a while; then one may try.
  func mayTry() -> Bool {
    state.withLock { state in
      guard state.givenUpCount >= Self.patience, let end = state.hopelessUntil else { return true }
      guard end <= .now else { return false }
      state.hopelessUntil = .now + Self.rest
      return true
    }
  }
}
