import Dispatch
import Logging
package import PosixIO
package import StoreRecords

/// Decides which version a model's users get, and where its other links lead.
package struct Activation: Sendable {
  let records: RecordStore
  let validation: Validation
  let verdicts: Verdicts

  /// Makes `version` the one that the model's users get, and remembers who did.
  ///
  /// - Parameter progress: told of the validation that the model's policy may ask for.
  /// - Returns: the version that was active before.
  /// - Throws: `damaged`, with the report, if that policy asks for a validation which finds damage.
  @discardableResult
  package func setActive(
    _ model: ModelName, _ version: VersionName, by actor: Actor = .current,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> VersionName? {
    try records.requireWriting()
    try records.require(model, version)
    return try whenFit(model, version, progress) { (records) throws(StoreError) in
      // One that is active stays so, and now somebody wants it.
      guard let change = try records.switchActive(to: version, by: actor, isRollback: false) else { return version }
      return change.from
    }
  }

  /// Takes the last switch that was not yet taken back, and whose earlier version still exists, back.
  ///
  /// - Returns: the version that was active before, and the one that is now.
  @discardableResult
  package func rollback(
    _ model: ModelName, by actor: Actor = .current, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> (from: VersionName?, to: VersionName) {
    try records.requireWriting()
    try records.require(model)
    while true {
      let version = try earlierVersion(of: model)
      let change = try whenFit(model, version, progress) { (records) throws(StoreError) -> ActiveSwitch? in
        // Somebody may have switched or removed versions while this one was checked.
        guard try earlierVersion(of: model) == version else { return nil }
        return try records.switchActive(to: version, by: actor, isRollback: true)
      }
      if let change { return (change.from, change.to) }
    }
  }

  private func earlierVersion(of model: ModelName) throws(StoreError) -> VersionName {
    let active = records.activeVersion(of: model)
    // If nothing is active, the last that was is the one to go back to. What cannot be read is passed over.
    guard
      let version = try records.history(of: model).undoStack.last(where: { version in
        version != active && records.contains(model, version) && isReadable(version, of: model)
      })
    else {
      throw StoreError(.unknownVersion, "\(model) has no earlier active version to go back to")
    }
    return version
  }

  private func isReadable(_ version: VersionName, of model: ModelName) -> Bool {
    do throws(StoreError) { _ = try records.manifest(of: model, version) } catch { return false }
    return true
  }

  /// Checks a version if its model's policy asks for that before it becomes active, and runs `body` if it passes and nothing
  /// of it has changed meanwhile; else checks it once more.
  ///
  /// - Throws: `damaged`, with the report.
  private func whenFit<R>(
    _ model: ModelName, _ version: VersionName, _ progress: @escaping ProgressHandler,
    _ body: (ModelTransaction) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    while true {
      var checked: Manifest?
      if records.policies(of: model).validatesBeforeActivating {
        checked = try records.manifest(of: model, version)
        try requireValid(model, version, progress)
      }
      let result = try records.transaction(model, unless: Interruption(progress)) {
        (records) throws(StoreError) -> R? in
        let isAsked = self.records.policies(of: model).validatesBeforeActivating
        if isAsked, try records.manifest(version) != checked { return nil }
        return try body(records)
      }
      if let result { return result }
    }
  }

  private func requireValid(
    _ model: ModelName, _ version: VersionName, _ progress: @escaping ProgressHandler
  ) throws(StoreError) {
    let manifest = try records.manifest(of: model, version)
    let report = try validation.validate(model, version, progress: progress)
    guard report.isValid else {
      throw StoreError(
        .damaged,
        "\(model)/\(version) does not pass validation, and the policy \(PolicyKey.validateBeforeActivate.rawValue) of "
          + "\(model) asks for that; "
          + (records.activeVersion(of: model) == version
            ? "it is active all the same: import the intact file again, or tantra rollback \(model)"
            : "it was not made active") + "\n\(report.text.dropLast())")
    }
    verdicts.note(manifest)
  }

  // MARK: Links

  /// Points `active` at a version; at one that is still to come only while no other is active.
  ///
  /// - Throws: `unknownVersion` if users of the model would be left without one.
  package func pointActive(
    _ model: ModelName, at version: VersionName, by actor: Actor, unless interruption: Interruption = .never
  ) throws(StoreError) {
    if records.contains(model, version) { return try switchLink(model, to: version, by: actor, unless: interruption) }
    try records.transaction(model, unless: interruption) { (records) throws(StoreError) in
      if let active = records.activeVersion {
        var error = self.records.unknown(version, of: model)
        error.message += "; \(model) stays with \(active)"
        throw error
      }
      // The version is still to come, as where a folder is copied and its links come first: that is no choice.
      try records.configure { ($0.active, $0.isChosen) = (version, false) }
    }
  }

  /// How long re-pointing a link may hold up those who look into the model's folder.
  private static let patience = DispatchTimeInterval.seconds(1)

  /// Makes a version active by its link. A validation that the policy asks for, and that takes long, goes on without the caller.
  ///
  /// - Throws: `inUse` if that validation has not ended.
  private func switchLink(
    _ model: ModelName, to version: VersionName, by actor: Actor, unless interruption: Interruption
  ) throws(StoreError) {
    // One that is active by itself is chosen from now on.
    if records.activeVersion(of: model) == version, try !Freezing(records: records).isActiveByItself(model) { return }
    let isAsked = records.policies(of: model).validatesBeforeActivating
    if isAsked, try !verdicts.hasPassed(records.manifest(of: model, version)) {
      let hasEnded = verdicts.run(model, version, patience: Self.patience) {
        do throws(StoreError) { try requireValid(model, version) { _, _, _ in true } } catch {
          records.logger.warning("\(error)")
        }
      }
      if !hasEnded {
        throw StoreError(
          .inUse,
          "\(model)/\(version) is being validated first, as the policy \(PolicyKey.validateBeforeActivate.rawValue) of \(model) asks; "
            + "\(model) stays as it is: point active at it again when that is done, or use tantra set-active, which waits"
        )
      }
    }
    try records.transaction(model, unless: interruption) { (records) throws(StoreError) in
      let manifest = try records.manifest(version)
      if self.records.policies(of: model).validatesBeforeActivating, !verdicts.hasPassed(manifest) {
        throw StoreError(
          .damaged,
          "\(model)/\(version) does not pass validation, and the policy \(PolicyKey.validateBeforeActivate.rawValue) of "
            + "\(model) asks for that; it was not made active: tantra validate \(model) \(version) says why")
      }
      _ = try records.switchActive(to: version, by: actor, isRollback: false)
    }
  }

  /// Takes `active` away: the model has no active version then.
  package func removeActive(of model: ModelName, by actor: Actor) throws(StoreError) {
    try records.transaction(model) { (records) throws(StoreError) in try records.configure { $0.active = nil } }
    records.logger.info("active: \(model) has none, by user \(actor.uid)")
  }

  /// Gives a version another name: a link, which moves if there is one of that name.
  ///
  /// - Throws: `unknownVersion`; `alreadyExists` if something else has the name.
  package func tag(
    _ model: ModelName, _ version: VersionName, as name: VersionName, by actor: Actor
  ) throws(StoreError) {
    try records.transaction(model) { (records) throws(StoreError) in
      try self.records.require(model, version)
      guard try records.folder(name) == nil else {
        throw StoreError(.alreadyExists, "\(model)/\(name) is a version itself: choose another name")
      }
      try records.requireNoFile(named: name)
      try records.configure { $0.aliases[name] = version }
    }
    records.logger.info("link: \(model)/\(name) -> \(version), by user \(actor.uid)")
  }

  /// Makes, re-points or (with nil) removes another link of a model.
  ///
  /// - Parameter time: when somebody did so, if that was a while ago; in nanoseconds since 1970.
  package func setAlias(
    _ name: VersionName, of model: ModelName, to version: VersionName?, at time: Int64? = nil
  ) throws(StoreError) {
    try records.transaction(model) { (records) throws(StoreError) in
      try records.configure(at: time) { $0.aliases[name] = version }
    }
    records.logger.info("link: \(model)/\(name) \(version.map { "-> \($0)" } ?? "removed")")
  }
}
