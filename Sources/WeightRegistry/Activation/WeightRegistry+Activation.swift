import Logging
import Synchronization

extension WeightRegistry {
  /// Makes `version` the one that the model's users get, and remembers who did.
  ///
  /// - Parameter progress: told of the validation that the model's policy may ask for.
  /// - Returns: the version that was active before.
  /// - Throws: `damaged`, with the report, if that policy asks for a validation which finds damage.
  @discardableResult
  package func setActive(
    _ model: ModelName, _ version: VersionName, by actor: Actor = .current,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> VersionName? {
    try requireWriting()
    guard contains(model) else { throw unknown(model) }
    guard contains(model, version) else { throw unknown(version, of: model) }
    if activeVersion(of: model) != version { try requireFitToActivate(model, version, progress: progress) }
    return try switchActive(model, to: version, by: actor, isRollback: false)
  }

  /// Takes the last switch that was not yet taken back, and whose earlier version still exists, back.
  ///
  /// - Returns: the version that was active before, and the one that is now.
  @discardableResult
  package func rollback(
    _ model: ModelName, by actor: Actor = .current, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> (from: VersionName?, to: VersionName) {
    try requireWriting()
    guard contains(model) else { throw unknown(model) }
    let active = activeVersion(of: model)
    guard let version = try history(of: model).undoStack.dropLast().last(where: { $0 != active && contains(model, $0) })
    else {
      throw RegistryError(.unknownVersion, "\(model) has no earlier active version to go back to")
    }
    try requireFitToActivate(model, version, progress: progress)
    return (try switchActive(model, to: version, by: actor, isRollback: true), version)
  }

  private func switchActive(
    _ model: ModelName, to version: VersionName, by actor: Actor, isRollback: Bool
  ) throws(RegistryError) -> VersionName? {
    let change = try writing.withLock { (_: inout sending Void) throws(RegistryError) -> ActiveSwitch? in
      guard activeVersion(of: model) != version else { return nil }
      let change = nextSwitch(of: model, to: version, by: actor, isRollback: isRollback)
      try writeDown(change, of: model)
      try writeConfig { $0.apply(change, to: model) }
      return change
    }
    guard let change else { return version }
    logger.info("\(isRollback ? "rollback" : "active"): \(model) \(change.from.map { "\($0) -> " } ?? "")\(version)")
    return change.from
  }

  /// A switch from the version that is active now; later than all before it, whatever the clock says.
  func nextSwitch(of model: ModelName, to version: VersionName, by actor: Actor, isRollback: Bool) -> ActiveSwitch {
    let earliest = record(of: model).lastSwitch.map { $0 + 1 } ?? .min
    return ActiveSwitch(
      time: max(earliest, Timestamp.now()), actor: actor, from: activeVersion(of: model), to: version,
      isRollback: isRollback)
  }

  /// Writes a switch into its model's history, durably. It counts once `weight_config.json` says so. Call it with ``writing``
  /// held.
  func writeDown(_ change: ActiveSwitch, of model: ModelName) throws(RegistryError) {
    guard state.withLock({ $0.config.keepsHistoryApart }) else { return }
    try SwitchHistory(folder: store.history)
      .append(change, of: model, after: record(of: model).lastSwitch, staging: try store.stagingForWriting)
  }

  /// How a model's active version came about, oldest switch first.
  package func history(of model: ModelName) throws(RegistryError) -> [ActiveSwitch] {
    guard contains(model) else { throw unknown(model) }
    let record = record(of: model)
    if let history = record.history { return history }
    return try SwitchHistory(folder: store.history).switches(of: model, until: record.lastSwitch)
  }
}
