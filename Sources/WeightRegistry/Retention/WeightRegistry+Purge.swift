import BlobStore
import Logging
package import Tensors

extension WeightRegistry {
  /// What a purge did.
  package struct PurgeReport: Sendable, Hashable, Codable {
    /// Removed versions that can no longer be restored.
    package var purged: [String]
    package var removedBlobs: Int
    package var freedBytes: Int

    /// A line for people.
    package var text: String {
      "purged \(purged.isEmpty ? "nothing" : purged.joined(separator: ", ")); "
        + "removed \(removedBlobs) blobs, freed \(freedBytes) bytes\n"
    }
  }

  /// Forgets removed versions for good, and removes every blob that no version, backup or upload needs.
  ///
  /// - Parameters:
  ///   - model: nil for all models.
  ///   - version: nil for all versions.
  ///   - age: only what was removed at least that long ago, in nanoseconds.
  package func purge(
    _ model: ModelName?, _ version: VersionName?, olderThan age: Int64 = 0, by actor: Actor = .current
  ) throws(RegistryError) -> PurgeReport {
    try requireWriting()
    let kept = try modelsWithBackups()
    if let model, !contains(model), !kept.contains(model) { throw unknown(model) }
    var report = PurgeReport(purged: [], removedBlobs: 0, freedBytes: 0)
    try withRecordLock { () throws(RegistryError) in
      let now = Timestamp.now()
      for model in model.map({ [$0] }) ?? kept {
        for record in try records(of: model, version) where !record.isPinned && now - record.time >= age {
          if !isLeftover(record) { report.purged.append("\(model)/\(record.manifest.version)") }
          try drop(record)
        }
      }
      (report.removedBlobs, report.freedBytes) = try collectGarbage()
    }
    logger.info("purge by user \(actor.uid): \(report.text.dropLast())")
    return report
  }

  /// Removes the blobs that nothing names. Files that are open stay readable for those who have them.
  ///
  /// Marks from manifests and backups; if one of them cannot be read nothing is removed.
  private func collectGarbage() throws(RegistryError) -> (count: Int, bytes: Int) {
    var live = drafts.blobs
    for model in models {
      for version in try versions(of: model) { live.formUnion(try manifest(of: model, version).blobs) }
    }
    for model in try modelsWithBackups() {
      for record in try records(of: model) { live.formUnion(record.manifest.blobs) }
    }
    viewCache.removeAll()
    return try blobStore(try store.blobs.sweep(keeping: live))
  }
}

extension Manifest {
  /// Every blob that the version needs.
  package var blobs: Set<Digest> {
    Set(
      [table] + (tablePacks ?? []) + sidecars.map(\.blob)
        + (originals + (parts ?? [])).flatMap { [$0.table] + $0.packs })
  }
}
