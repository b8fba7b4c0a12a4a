import StoreRecords

/// What there is of a model at a moment, as far as its names and decisions tell.
struct ModelState {
  private let model: ModelName
  var stamp: ModelStamp
  private var published: Set<VersionName> = []
  private var drafts: Set<VersionName> = []
  private var kept: Set<VersionEdition> = []
  private(set) var record = WeightConfig.Model()

  /// Nothing.
  init(_ model: ModelName) {
    self.model = model
    stamp = ModelStamp()
  }

  init(_ model: ModelName, in records: RecordStore) throws(StoreError) {
    self.model = model
    // The times first: what changes after they are read counts as the next change.
    stamp = try ModelStamp(of: model, in: records.store)
    let listing = try records.listing(of: model)
    published = Set(listing.published.keys)
    drafts = Set(listing.drafts)
    kept = try records.backups.editions(of: model)
    record = records.record(of: model)
  }

  /// What has happened from one state to another, which is that of `records` now. What is under way still is taken out of it, so that
  /// the next look finds it.
  func events(until after: inout ModelState, in records: RecordStore) throws(StoreError) -> [StoreEvent] {
    let new = try comings(&after, records)
    return new + (try switches(after, records)) + links(after) + leavings(after, new) + policies(after)
  }

  // MARK: Versions

  /// Versions that came, and editions that are kept since.
  private func comings(_ after: inout ModelState, _ records: RecordStore) throws(StoreError) -> [StoreEvent] {
    var events = after.drafts.subtracting(drafts).subtracting(published).sorted()
      .map { StoreEvent(.appeared, model, $0) }
    for version in after.published.subtracting(published).sorted() {
      if let edition = gone(version, after) {
        var event = StoreEvent(.restored, model, version)
        event.number = edition.number
        events.append(event)
      } else {
        events.append(publication(of: version, in: records))
      }
    }
    for edition in after.kept.subtracting(kept).sorted(by: {
      ($0.version, $0.number ?? 0) < ($1.version, $1.number ?? 0)
    }) {
      guard let record = try records.backups(of: model, edition.version).first(where: { $0.number == edition.number })
      else {
        after.kept.remove(edition)
        continue
      }
      let isThere = after.published.contains(edition.version)
      // A number that went as this one came: an earlier edition was brought back.
      let restored = isThere && published.contains(edition.version) ? gone(edition.version, after) : nil
      guard record.isPinned || record.isReplaced == true || !isThere else { continue }
      var event = StoreEvent(
        record.isPinned ? .pinned : restored != nil ? .restored : isThere ? .replaced : .removed, model,
        edition.version,
        at: record.time)
      event.number = restored?.number ?? edition.number
      event.actor = record.actor
      events.append(event)
    }
    return events
  }

  /// What was kept of a version, and is not any more.
  private func gone(_ version: VersionName, _ after: ModelState) -> VersionEdition? {
    kept.subtracting(after.kept).first { $0.version == version }
  }

  private func publication(of version: VersionName, in records: RecordStore) -> StoreEvent {
    do throws(StoreError) {
      let manifest = try records.manifest(of: model, version)
      var event = StoreEvent(.published, model, version, at: manifest.published)
      event.details = "\(manifest.counts.parameterCount) parameters, from \(manifest.provenance.source)"
      return event
    } catch {
      var event = StoreEvent(.damaged, model, version)
      event.details = error.message
      return event
    }
  }

  /// Versions that went, and editions that are kept no more.
  private func leavings(_ after: ModelState, _ told: [StoreEvent]) -> [StoreEvent] {
    func isTold(_ version: VersionName, _ number: Int?, _ kinds: [StoreEvent.Kind]) -> Bool {
      told.contains { $0.version == version && (number == nil || $0.number == number) && kinds.contains($0.event) }
    }
    let versions = published.union(drafts).subtracting(after.published).subtracting(after.drafts).sorted()
      .filter { !isTold($0, nil, [.removed]) }.map { StoreEvent(.removed, model, $0) }
    let editions = kept.subtracting(after.kept).sorted { ($0.version, $0.number ?? 0) < ($1.version, $1.number ?? 0) }
      .filter { !isTold($0.version, $0.number, [.restored]) }
      .map { edition in
        var event = StoreEvent(.purged, model, edition.version)
        event.number = edition.number
        return event
      }
    return versions + editions
  }

  // MARK: Decisions

  private func switches(_ after: ModelState, _ records: RecordStore) throws(StoreError) -> [StoreEvent] {
    var events: [StoreEvent] = []
    if after.record.lastSwitch != record.lastSwitch, !after.published.isEmpty {
      for change in try records.history(of: model) where change.time > record.lastSwitch ?? .min {
        var event = StoreEvent(.activated, model, change.to, at: change.time)
        (event.from, event.actor) = (change.from, change.actor)
        if change.isRollback { event.details = "rollback" }
        events.append(event)
      }
    }
    let (before, now) = (events.last?.version ?? record.active, after.record.active)
    guard before != now else { return events }
    var event = StoreEvent(now == nil ? .deactivated : .activated, model, now)
    event.from = before
    return events + [event]
  }

  private func links(_ after: ModelState) -> [StoreEvent] {
    Set(record.aliases.keys).union(after.record.aliases.keys).sorted().compactMap { name in
      let (before, now) = (record.aliases[name], after.record.aliases[name])
      guard before != now else { return nil }
      var event = StoreEvent(now == nil ? .unlinked : .linked, model, now)
      (event.link, event.from) = (name, before)
      if now == nil { (event.version, event.link, event.from) = (before, name, nil) }
      return event
    }
  }

  private func policies(_ after: ModelState) -> [StoreEvent] {
    StoreEvent.configurations(of: model, from: record.policies, to: after.record.policies)
  }
}

extension StoreEvent {
  /// What was decided in between.
  static func configurations(
    of model: ModelName?, from before: PolicySettings?, to after: PolicySettings?
  ) -> [StoreEvent] {
    PolicyKey.allCases.compactMap { key in
      let now = after?.values[key]
      guard before?.values[key] != now else { return nil }
      var event = StoreEvent(.configured, model)
      event.details = "\(key.rawValue) \(now ?? "as by default")"
      return event
    }
  }
}
