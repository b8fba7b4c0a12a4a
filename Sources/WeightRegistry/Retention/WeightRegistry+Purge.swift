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

  /// Forgets removed versions for good, and removes every blob that no version, backup or upload needs. Files that are open
  /// stay readable for those who have them. If a manifest or a backup cannot be read nothing is forgotten and removed.
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
      // All records are read before one goes: who cannot be read might need any blob.
      var live = try blobsOfVersions()
      var dropped: [BackupRecord] = []
      for name in try modelsWithBackups() {
        for record in try records(of: name) {
          if !record.isPinned, now - record.time >= age, model == nil || model == name,
            version == nil || version == record.manifest.version
          {
            dropped.append(record)
          } else {
            live.formUnion(record.manifest.blobs)
          }
        }
      }
      for record in dropped {
        if !isLeftover(record) { report.purged.append("\(record.manifest.model)/\(record.manifest.version)") }
        try drop(record)
      }
      viewCache.removeAll()
      (report.removedBlobs, report.freedBytes) = try blobStore(try store.blobs.sweep(keeping: live))
    }
    logger.info("purge by user \(actor.uid): \(report.text.dropLast())")
    return report
  }

  /// Every blob that a version or a draft in the tree needs.
  ///
  /// - Throws: `damaged` if one of the manifests cannot be read.
  private func blobsOfVersions() throws(RegistryError) -> Set<Digest> {
    var blobs = drafts.blobs
    for model in models {
      for version in try versions(of: model) { blobs.formUnion(try manifest(of: model, version).blobs) }
    }
    return blobs
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
