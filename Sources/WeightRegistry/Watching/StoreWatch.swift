package import StoreRecords

/// Follows what happens to a store, whichever process does it.
///
/// Nothing is read while nothing happens. After a change, the times of models' folders tell which models to look at again. Changes
/// that come close together are told together, and looking never takes more than a small part of a processor's time.
package struct StoreWatch {
  /// How long a change may go unseen where nothing wakes.
  private static let patience = Duration.seconds(1)
  /// How often, by the patience, everything is looked at although nothing has told of a change.
  private static let ticksBetweenLooks = 30
  /// The shortest time between two looks.
  private static let pause = Duration.milliseconds(100)
  /// How many times as long as the last look the time between two is.
  private static let restFactor = 20.0

  /// The records, opened to be read.
  package private(set) var records: RecordStore
  private let open: () throws(StoreError) -> RecordStore
  private let only: ModelName?
  private let notifier: StoreNotifier
  private let clock = ContinuousClock()
  private var models: [ModelName: ModelState] = [:]
  private var storeWide: PolicySettings
  private var lastDamage: Int64
  private var lastCost = Duration.zero
  /// Whether something changed so short a time before the last look that times of folders may not tell of more.
  private var isUnsettled = false

  /// - Parameters:
  ///   - model: the only one that is followed; nil for all. It need not be there yet.
  ///   - open: opens the records to read them.
  package init(_ model: ModelName?, opening open: @escaping () throws(StoreError) -> RecordStore) throws(StoreError) {
    self.open = open
    records = try open()
    only = model
    notifier = StoreNotifier(records.store)
    // From here on changes wake.
    _ = try notifier.wait(limit: .zero)
    try records.refresh(now: true)
    storeWide = records.storeWidePolicies
    lastDamage = try records.store.damageNotes().last?.time ?? .min
    let begin = clock.now
    for model in try names() { models[model] = try ModelState(model, in: records) }
    lastCost = clock.now - begin
    isUnsettled = true
  }

  /// Waits for the next events.
  ///
  /// - Parameter isStopped: asked at least once a second.
  /// - Returns: at least one, in order; nil if the wait was stopped.
  package mutating func next(unless isStopped: () -> Bool) throws(StoreError) -> [StoreEvent]? {
    var quiet = 0
    while !isStopped() {
      let hasChanged = try notifier.wait(limit: isUnsettled ? Self.pause : Self.patience)
      if isStopped() { break }
      if hasChanged || isUnsettled || quiet >= Self.ticksBetweenLooks {
        quiet = 0
        try rest(unless: isStopped)
        let events = try look()
        if !events.isEmpty { return events }
      } else if try records.refresh() {
        let events = try look()
        if !events.isEmpty { return events }
      } else {
        quiet += 1
      }
    }
    return nil
  }

  /// Lets changes that belong together come together.
  private func rest(unless isStopped: () -> Bool) throws(StoreError) {
    let end = clock.now + max(Self.pause / 2, lastCost * Self.restFactor)
    while !isStopped(), clock.now < end { _ = try notifier.wait(limit: min(Self.pause, end - clock.now)) }
  }

  private func names() throws(StoreError) -> Set<ModelName> {
    if let only { return [only] }
    return Set(records.modelFolders).union(models.keys).union(try records.backups.models())
  }

  /// What has happened since the last look.
  private mutating func look() throws(StoreError) -> [StoreEvent] {
    let begin = clock.now
    defer { lastCost = clock.now - begin }
    if records.store.lacksFolders { records = try open() } else { try records.refresh(now: true) }
    let now = Timestamp.now()
    var events: [StoreEvent] = []
    isUnsettled = false
    for model in try names().sorted() {
      let before = models[model] ?? ModelState(model)
      let stamp = try ModelStamp(of: model, in: records.store)
      let isSettled = before.stamp.isSettled(at: now) && stamp.isSettled(at: now)
      if !stamp.isSettled(at: now) { isUnsettled = true }
      if stamp == before.stamp, isSettled, records.record(of: model) == before.record { continue }
      var after = try ModelState(model, in: records)
      events += try before.events(until: &after, in: records)
      models[model] = after
    }
    if only == nil {
      events += StoreEvent.configurations(of: nil, from: storeWide, to: records.storeWidePolicies)
    }
    storeWide = records.storeWidePolicies
    for note in try records.store.damageNotes() where note.time > lastDamage {
      lastDamage = note.time
      guard only == nil || only == note.model else { continue }
      var event = StoreEvent(.damaged, note.model, note.version, at: note.time)
      event.details = note.details.joined(separator: "; ")
      events.append(event)
    }
    return events
  }
}
