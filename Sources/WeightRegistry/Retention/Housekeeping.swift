import Dispatch
import Logging
import PosixIO
package import StoreRecords
import Synchronization

/// Keeps a store that somebody has mounted from growing without end: purges what was removed when its time has come, and before that
/// when the disk is nearly full.
///
/// It works on a thread of its own that gives way to all others: with the lowest priority, a step at a time, with a rest after each.
package final class Housekeeping: Sendable {
  /// When it looks, and how full a disk may be.
  package struct Settings: Sendable {
    /// The longest time between two looks at the disk.
    package var interval = TimeSpan(seconds: 30)
    /// Where less than this share of the disk is free, removed versions go before their time.
    package var leastFreeShare = 0.05
    /// What ordinary files leave that were replaced or removed goes after this time; earlier if the store keeps checkpoints for less.
    package var longestWait = TimeSpan(seconds: 3600)
    /// After a failure it looks again then.
    package var patience = TimeSpan(seconds: 600)

    package init() {}
  }

  /// What a look has found out.
  private struct Outlook {
    /// When the next removed version may go; nil if none will.
    var expiry: Int64?
    /// What the records were when nothing was left that nobody needs; nil as long as nobody has looked.
    var sweptContents: UInt64?
    /// When that was.
    var swept: Int64 = 0
    /// When it was first seen that they are others by now.
    var changed: Int64?
    /// What the records were when nothing was left to compress; nil as long as nobody has looked.
    var packedContents: UInt64?
    /// When somebody looked last.
    var packed: Int64 = 0
    /// The last complaint, which is not said again.
    var complaint: String?
  }

  private struct State: Sendable {
    var isStopping = false
    var hasNews = true
  }

  private let registry: WeightRegistry
  private let settings: Settings
  private let state = Mutex(State())
  private let news = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  private var records: RecordStore { registry.records }

  /// Begins, for a registry that is open for writing; ``stop()`` ends it.
  package init(_ registry: WeightRegistry, settings: Settings = Settings()) {
    self.registry = registry
    self.settings = settings
    records.observe { [weak self] _ in self?.wake { $0.hasNews = true } }
    BackgroundThread.start { self.run() }
  }

  /// Ends after the step that is under way, and waits for that. Once.
  package func stop() {
    wake { $0.isStopping = true }
    ended.wait()
  }

  private func wake(_ change: (inout State) -> Void) {
    let isNew = state.withLock { state in
      let before = state.hasNews || state.isStopping
      change(&state)
      return !before || state.isStopping
    }
    if isNew { news.signal() }
  }

  private var isStopping: Bool { state.withLock { $0.isStopping } }

  // MARK: When

  private func run() {
    var outlook = Outlook()
    while !isStopping {
      let next: Int64
      do throws(StoreError) {
        next = try look(&outlook)
      } catch {
        if error.code == .interrupted { continue }
        complain(error.message, &outlook)
        next = Timestamp.now() + settings.patience.nanoseconds
        // News come all the time: they are no reason to try at once what has failed.
        wait(until: next, forNews: false)
        continue
      }
      wait(until: next, forNews: true)
    }
    ended.signal()
  }

  private func complain(_ message: String, _ outlook: inout Outlook) {
    if outlook.complaint != message { registry.logger.warning("housekeeping: \(message)") }
    outlook.complaint = message
  }

  private func wait(until time: Int64, forNews: Bool) {
    while !isStopping {
      let left = time - Timestamp.now()
      if left <= 0 { return }
      _ = news.wait(timeout: .now() + .nanoseconds(Int(left)))
      if forNews, state.withLock({ $0.hasNews }) {
        // More is likely to come with it.
        _ = news.wait(timeout: .now() + .milliseconds(200))
        return
      }
    }
  }

  // MARK: What

  /// Does what is to be done now.
  ///
  /// - Returns: when to look again.
  private func look(_ outlook: inout Outlook) throws(StoreError) -> Int64 {
    let hasNews = state.withLock { state in
      defer { state.hasNews = false }
      return state.hasNews
    }
    if hasNews { outlook.expiry = try registry.retention.nextExpiry() }
    let now = Timestamp.now()
    if records.contents != outlook.sweptContents { outlook.changed = outlook.changed ?? now }
    let isLow = try isDiskLow
    let sweep = outlook.changed.map { $0 + waitForGarbage.nanoseconds }
    // Where little is free, what nobody needs goes at once; but not again with each change.
    let isUrgent = isLow && sweep != nil && Timestamp.age(of: outlook.swept, at: now) >= settings.interval.nanoseconds
    if outlook.expiry.map({ $0 <= now }) == true || sweep.map({ $0 <= now }) == true || isUrgent {
      let report = try sweeping(&outlook) { (retention, progress) throws(StoreError) in
        try retention.purgeExpired(progress: progress)
      }
      tell(of: report, "its time had come")
    }
    if !isLow { outlook.complaint = nil }
    while try isDiskLow {
      let report = try sweeping(&outlook) { (retention, progress) throws(StoreError) in
        try retention.purgeOldest(progress: progress)
      }
      guard let report else {
        complain(
          "less than \(Int(settings.leastFreeShare * 100))% of the disk is free, and nothing that was removed is left to purge",
          &outlook)
        break
      }
      tell(of: report, "the disk is nearly full")
    }
    try followPolicies(&outlook, hasNews: hasNews)
    let later = Timestamp.now() + settings.interval.nanoseconds
    let garbage = outlook.changed.map { $0 + waitForGarbage.nanoseconds }
    return min(later, outlook.expiry ?? later, garbage ?? later)
  }

  /// Compresses what the policies call cold, some time after it has become that, and takes back at once what has become active.
  private func followPolicies(_ outlook: inout Outlook, hasNews: Bool) throws(StoreError) {
    if hasNews { _ = try registry.compression.thawActive(progress: gently) }
    // A change of what is active, or of a policy, is news without a change of contents.
    if hasNews { outlook.packedContents = nil }
    let now = Timestamp.now()
    guard outlook.packedContents != records.contents,
      Timestamp.age(of: outlook.packed, at: now) >= settings.interval.nanoseconds
    else { return }
    let report = try registry.compression.compressCold(progress: gently)
    // What was compressed counts as one change.
    outlook.packedContents = report.files > 0 ? nil : records.contents
    outlook.packed = Timestamp.now()
  }

  /// How long what no record names any more may stay.
  private var waitForGarbage: TimeSpan {
    let policies = ModelPolicies(storeWide: records.storeWidePolicies)
    return min(settings.longestWait, policies.restorable(isCheckpoint: true) ?? settings.longestWait)
  }

  private var isDiskLow: Bool {
    get throws(StoreError) {
      let volume = try records.volume()
      return Double(volume.available) < settings.leastFreeShare * Double(volume.capacity)
    }
  }

  /// Runs a purge, and notes what it leaves to do.
  private func sweeping<Report>(
    _ outlook: inout Outlook,
    _ purge: (Retention, @escaping ProgressHandler) throws(StoreError) -> Report
  ) throws(StoreError) -> Report {
    let before = records.contents
    let report = try purge(registry.retention, gently)
    // The purge itself counts as one change.
    let after = records.contents
    outlook.sweptContents = after == before + 1 ? after : before
    (outlook.swept, outlook.changed) = (Timestamp.now(), nil)
    outlook.expiry = try registry.retention.nextExpiry()
    return report
  }

  /// Rests after each step for as long as it took, and goes on unless it is to stop.
  private var gently: ProgressHandler {
    let last = Mutex(ContinuousClock.now)
    return { [weak self] _, _, _ in
      let step = last.withLock { ContinuousClock.now - $0 }
      BackgroundThread.rest(min(step, .milliseconds(50)))
      last.withLock { $0 = ContinuousClock.now }
      return self?.isStopping == false
    }
  }

  private func tell(of report: PurgeReport, _ why: String) {
    guard !report.purged.isEmpty || report.removedBlobs > 0 else { return }
    registry.logger.info("purge by itself, since \(why): \(report.text.dropLast())")
  }
}
