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
    let pinned = Set(try backups(of: model).filter(\.isPinned).map(\.manifest.version))
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

  /// Removes versions until `keep` remain, or nothing more may go; all can be restored until they are purged.
  ///
  /// - Returns: the versions that went.
  @discardableResult
  package func cleanup(
    _ model: ModelName, keep: Int?, by actor: Actor = .current
  ) throws(RegistryError) -> [VersionName] {
    try requireWriting()
    let candidates = try cleanupCandidates(model, keep: keep)
    for version in candidates { try retire(model, version, by: actor) }
    return candidates
  }
}
