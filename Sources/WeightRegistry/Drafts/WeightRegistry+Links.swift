import Logging

extension WeightRegistry {
  /// What a model's `active` link says, whether or not there is such a version.
  package func activeLink(of model: ModelName) -> VersionName? { record(of: model).active }

  /// Whether a model has an active version that nobody has chosen among others: the first that was published.
  package func hasDefaultActive(_ model: ModelName) throws(RegistryError) -> Bool {
    guard activeVersion(of: model) != nil, let last = try history(of: model).last else { return false }
    return last.from == nil
  }

  /// Points `active` at a version; at one that is still to come only while no other is active.
  ///
  /// - Throws: `unknownVersion` if users of the model would be left without one.
  package func pointActive(_ model: ModelName, at version: VersionName, by actor: Actor) throws(RegistryError) {
    try requireWriting()
    if contains(model, version) {
      try setActive(model, version, by: actor)
    } else if let active = activeVersion(of: model) {
      var error = unknown(version, of: model)
      error.message += "; \(model) stays with \(active)"
      throw error
    } else {
      try changeConfig { $0.models[model, default: .init()].active = version }
    }
  }

  /// Takes `active` away: the model has no active version then.
  package func removeActive(of model: ModelName, by actor: Actor) throws(RegistryError) {
    try requireWriting()
    try changeConfig { $0.models[model]?.active = nil }
    logger.info("active: \(model) has none, by user \(actor.uid)")
  }

  /// Makes, re-points or (with nil) removes another link of a model.
  package func setAlias(_ name: VersionName, of model: ModelName, to version: VersionName?) throws(RegistryError) {
    try requireWriting()
    try changeConfig { config in
      config.models[model, default: .init()].aliases[name] = version
    }
    logger.info("link: \(model)/\(name) \(version.map { "-> \($0)" } ?? "removed")")
  }

  /// Gives a version another name.
  ///
  /// - Throws: `inUse` for the active version and one that a link points to; `alreadyExists`.
  package func move(
    _ model: ModelName, _ version: VersionName, to newModel: ModelName, _ newVersion: VersionName, by actor: Actor
  ) throws(RegistryError) {
    try requireWriting()
    try withRecordLock { () throws(RegistryError) in
      if contains(newModel, newVersion) || draft(of: newModel, newVersion)?.isEmpty == false {
        throw RegistryError(.alreadyExists, "\(newModel)/\(newVersion) exists")
      }
      if contains(model, version) {
        var manifest = try manifest(of: model, version)
        try requireUnlinked(version, of: model)
        let old = manifest
        guard let place = place(of: model, version) else { throw unknown(version, of: model) }
        (manifest.model, manifest.version) = (newModel, newVersion)
        // The new name first: a crash in between leaves both.
        try publish(manifest, at: place, activating: false)
        try unpublish(old)
        logger.info("renamed: \(model)/\(version) to \(newModel)/\(newVersion) by user \(actor.uid)")
      }
      try changeDrafts { (record) throws(RegistryError) in
        guard var draft = record[model, version] else {
          record[newModel, newVersion] = nil
          return
        }
        record[model, version] = nil
        (draft.model, draft.version) = (newModel, newVersion)
        record[newModel, newVersion] = draft
      }
    }
  }

  /// - Throws: `inUse`, naming the link, for the active version and one that an alias points to.
  func requireUnlinked(_ version: VersionName, of model: ModelName) throws(RegistryError) {
    guard let link = links(to: version, of: model).first else { return }
    throw RegistryError(
      .inUse,
      "\(model)/\(version) is \(link == "active" ? "active" : "what \(link) points to"); "
        + "point \(link) at another version first")
  }
}
