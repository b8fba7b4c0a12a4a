import Logging

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
    let before = activeVersion(of: model)
    guard before != version else { return before }
    let change = ActiveSwitch(time: Timestamp.now(), actor: actor, from: before, to: version, isRollback: isRollback)
    try changeConfig { config in config.models[model, default: .init()].apply(change) }
    logger.info("\(isRollback ? "rollback" : "active"): \(model) \(before.map { "\($0) -> " } ?? "")\(version)")
    return before
  }
}
