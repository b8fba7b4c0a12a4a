import Logging
package import PosixIO
package import StoreRecords

extension Retention {
  /// The versions that ``cleanup(_:keep:by:)`` would remove, first to go first: training checkpoints before other
  /// versions, and the oldest first. The active version, those that aliases point to and those with a backup stay; they
  /// count among the `keep` that remain.
  ///
  /// - Parameter keep: nil for what the model's policy says.
  /// - Throws: `invalidName` if it is negative, or nil and the policy does not say.
  package func cleanupCandidates(_ model: ModelName, keep: Int?) throws(StoreError) -> [VersionName] {
    let versions = try records.versions(of: model)
    guard let keep = keep ?? records.policies(of: model).keep, keep >= 0 else {
      throw StoreError(
        .invalidName,
        keep.map { "expected a number of versions to keep, found \($0)" }
          ?? "how many versions of \(model) are to be kept? Say so with --keep N, or for good with "
          + "tantra config \(model) keep N")
    }
    let pinned = try pinnedVersions(among: versions, of: model)
    var candidates: [(isCheckpoint: Bool, published: Int64, version: VersionName)] = []
    for version in versions where !pinned.contains(version) && records.links(to: version, of: model).isEmpty {
      candidates.append(
        (records.isCheckpoint(model, version), try records.published(model, version).manifest?.published ?? 0, version))
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
  ) throws(StoreError) -> Set<VersionName> {
    do throws(StoreError) {
      return Set(try records.backups(of: model).filter(\.isPinned).map(\.manifest.version))
    } catch  where error.code == .damaged {
      var pinned: Set<VersionName> = []
      for version in versions {
        do throws(StoreError) {
          if try records.backups(of: model, version).contains(where: \.isPinned) { pinned.insert(version) }
        } catch  where error.code == .damaged {
          records.logger.warning("\(model)/\(version) stays: \(error)")
          pinned.insert(version)
        }
      }
      return pinned
    }
  }

  /// Removes versions until `keep` remain, or nothing more may go; all can be restored until they are purged.
  ///
  /// - Parameter interruption: asked before each version goes; those that have gone stay away.
  /// - Returns: the versions that went.
  @discardableResult
  package func cleanup(
    _ model: ModelName, keep: Int?, by actor: Actor = .current, unless interruption: Interruption = .never
  ) throws(StoreError) -> [VersionName] {
    try records.requireWriting()
    let candidates = try cleanupCandidates(model, keep: keep)
    var removed: [VersionName] = []
    for (index, version) in candidates.enumerated() {
      if interruption.isRequested {
        throw StoreError(.interrupted, "stopped after \(index) of \(candidates.count) versions that were to go")
      }
      do throws(StoreError) {
        try retire(model, version, by: actor, unless: interruption)
        removed.append(version)
      } catch  where [.inUse, .unknownVersion, .unknownModel].contains(error.code) {
        // Somebody has chosen it, or removed it, a moment ago.
        records.logger.info("cleanup: \(model)/\(version) was left alone: \(error)")
      }
    }
    return removed
  }
}
