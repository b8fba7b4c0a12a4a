import Logging

extension WeightRegistry {
  /// The versions that ``cleanup(_:keep:by:)`` would remove, first to go first: training checkpoints before other
  /// versions, and the oldest first. The active version, those that aliases point to and those with a backup stay; they
  /// count among the `keep` that remain.
  ///
  /// - Parameter keep: nil for what the model's policy says.
  /// - Throws: `invalidName` if it is negative, or nil and the policy does not say.
  package func cleanupCandidates(_ model: ModelName, keep: Int?) throws(RegistryError) -> [VersionName] {
    let versions = try versions(of: model)
    guard let keep = keep ?? policies(of: model).keep, keep >= 0 else {
      throw RegistryError(
        .invalidName,
        keep.map { "expected a number of versions to keep, found \($0)" }
          ?? "how many versions of \(model) are to be kept? Say so with --keep N, or for good with "
          + "tantra config \(model) keep N")
    }
    let pinned = try pinnedVersions(among: versions, of: model)
    var candidates: [(isCheckpoint: Bool, published: Int64, version: VersionName)] = []
    for version in versions where !pinned.contains(version) && links(to: version, of: model).isEmpty {
      candidates.append((isCheckpoint(model, version), try manifest(of: model, version).published, version))
    }
    candidates.sort { a, b in
      if a.isCheckpoint != b.isCheckpoint { return a.isCheckpoint }
      if a.published != b.published { return a.published < b.published }
      return a.version < b.version
    }
    return candidates.prefix(max(0, versions.count - keep)).map(\.version)
  }

  /// The versions that have a backup, and those whose record cannot be read: it might be one.
  private func pinnedVersions(
    among versions: [VersionName], of model: ModelName
  ) throws(RegistryError) -> Set<VersionName> {
    do throws(RegistryError) {
      return Set(try backups(of: model).filter(\.isPinned).map(\.manifest.version))
    } catch  where error.code == .damaged {
      var pinned: Set<VersionName> = []
      for version in versions {
        do throws(RegistryError) {
          if try backups(of: model, version).contains(where: \.isPinned) { pinned.insert(version) }
        } catch  where error.code == .damaged {
          logger.warning("\(model)/\(version) stays: \(error)")
          pinned.insert(version)
        }
      }
      return pinned
    }
  }

  /// Removes versions until `keep` remain, or nothing more may go; all can be restored until they are purged.
  ///
  /// - Parameter isInterrupted: asked before each version goes; those that have gone stay away.
  /// - Returns: the versions that went.
  @discardableResult
  package func cleanup(
    _ model: ModelName, keep: Int?, by actor: Actor = .current, isInterrupted: () -> Bool = { false }
  ) throws(RegistryError) -> [VersionName] {
    try requireWriting()
    let candidates = try cleanupCandidates(model, keep: keep)
    for (index, version) in candidates.enumerated() {
      if isInterrupted() {
        throw RegistryError(.interrupted, "stopped after \(index) of \(candidates.count) versions that were to go")
      }
      try retire(model, version, by: actor)
    }
    return candidates
  }
}
