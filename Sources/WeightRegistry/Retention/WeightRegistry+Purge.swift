import BlobStore
import Logging
package import Tensors

extension WeightRegistry {
  /// What a purge did.
  package struct PurgeReport: Sendable, Hashable, Codable {
    /// Removed versions that can no longer be restored.
    package var purged: [String]
    package var removedBlobs: Int
    /// Bytes of those blobs, without those that compaction wrote.
    package var freedBytes: Int
    /// Packs of which less than half was needed, and that gave way to smaller ones.
    package var compactedPacks = 0
    /// Whether nothing was done yet.
    package var isDryRun = false

    /// A line for people.
    package var text: String {
      let verb = isDryRun ? ("would purge", "remove", "compact", "free") : ("purged", "removed", "compacted", "freed")
      let compacted = compactedPacks > 0 ? " \(verb.2) \(compactedPacks) packs," : ""
      return "\(verb.0) \(purged.isEmpty ? "nothing" : purged.joined(separator: ", ")); "
        + "\(verb.1) \(removedBlobs) blobs,\(compacted) \(verb.3) \(freedBytes) bytes\n"
    }
  }

  /// Forgets removed versions for good, removes every blob that no version, backup or upload needs, and compacts packs that
  /// are mostly dead.
  /// Files that are open stay readable for those who have them. If a manifest or a backup cannot be read nothing is forgotten
  /// and removed.
  ///
  /// - Parameters:
  ///   - model: nil for all models.
  ///   - version: nil for all versions.
  ///   - age: only what was removed at least that long ago, in nanoseconds.
  ///   - isDryRun: only tells what it would do; that needs no store that is open for writing.
  package func purge(
    _ model: ModelName?, _ version: VersionName?, olderThan age: Int64 = 0, isDryRun: Bool = false,
    by actor: Actor = .current
  ) throws(RegistryError) -> PurgeReport {
    if !isDryRun { try requireWriting() }
    let models = try modelsWithBackups()
    if let model, !contains(model), !models.contains(model) { throw unknown(model) }
    let report = try withRecordLock { () throws(RegistryError) in
      var report = PurgeReport(purged: [], removedBlobs: 0, freedBytes: 0, isDryRun: isDryRun)
      var kept: [BackupRecord] = []
      let now = Timestamp.now()
      // All records are read before one goes: who cannot be read might need any blob.
      _ = try allManifests()
      var dropped: [BackupRecord] = []
      for candidate in models {
        for record in try records(of: candidate) {
          let isMeant =
            (model ?? candidate) == candidate && (version ?? record.manifest.version) == record.manifest.version
          if isMeant, !record.isPinned, now - record.time >= age { dropped.append(record) } else { kept.append(record) }
        }
      }
      for record in dropped {
        if !isLeftover(record) { report.purged.append("\(record.manifest.model)/\(record.manifest.version)") }
        if !isDryRun { try drop(record) }
      }
      try collectGarbage(kept, &report)
      return report
    }
    if !isDryRun { logger.info("purge by user \(actor.uid): \(report.text.dropLast())") }
    return report
  }

  /// Removes the blobs that nothing names.
  ///
  /// Marks from manifests and backups; if one of them cannot be read nothing is removed.
  private func collectGarbage(_ kept: [BackupRecord], _ report: inout PurgeReport) throws(RegistryError) {
    var manifests = try allManifests() + kept.map(\.manifest)
    viewCache.removeAll()
    let swept = try blobStore(
      try store.blobs.sweep(keeping: blobs(of: manifests), isDryRun: report.isDryRun))
    (report.removedBlobs, report.freedBytes) = swept
    // After the sweep, so that there is room.
    let dead = try mostlyDeadPacks(manifests)
    if report.isDryRun {
      report.compactedPacks = dead.count
      report.freedBytes += dead.reduce(0) { $0 + $1.pack.segments.byteCount - $1.neededByteCount }
      return
    }
    if !dead.isEmpty {
      let compacted = try compact(dead, kept: kept)
      manifests = try allManifests() + keptManifests()
      let rest = try blobStore(
        try store.blobs.sweep(keeping: blobs(of: manifests), isDryRun: false))
      report.compactedPacks = compacted.count
      report.removedBlobs += rest.count
      report.freedBytes += rest.bytes - compacted.bytes
    }
    if report.removedBlobs > 0 {
      try index.keepOnly(
        blobs(of: manifests),
        contents: manifests.reduce(into: []) { $0.formUnion([$1.table] + $1.written.map(\.blob)) })
    }
  }

  private func allManifests() throws(RegistryError) -> [Manifest] {
    var manifests: [Manifest] = []
    for model in models {
      for version in try versions(of: model) { manifests.append(try manifest(of: model, version)) }
    }
    return manifests
  }

  private func keptManifests() throws(RegistryError) -> [Manifest] {
    var manifests: [Manifest] = []
    for model in try modelsWithBackups() { manifests += try records(of: model).map(\.manifest) }
    return manifests
  }

  /// Every blob that one of the manifests, or a draft in the tree, needs.
  private func blobs(of manifests: [Manifest]) -> Set<Digest> {
    manifests.reduce(into: drafts.blobs) { $0.formUnion($1.blobs) }
  }
}

extension Manifest {
  /// Every blob that the version needs.
  package var blobs: Set<Digest> {
    Set(
      [table] + (tablePacks ?? []) + sidecars.map(\.blob)
        + written.flatMap { [$0.table] + $0.packs })
  }
}
