import BlobStore
import Logging
import Synchronization
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
  ///   - progress: may stop it while records are read, when nothing has changed, and between parts of a compaction.
  package func purge(
    _ model: ModelName?, _ version: VersionName?, olderThan age: Int64 = 0, isDryRun: Bool = false,
    by actor: Actor = .current, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> PurgeReport {
    if !isDryRun { try requireWriting() }
    let models = try modelsWithBackups()
    if let model, !contains(model), !models.contains(model) { throw unknown(model) }
    let report = try withRecordLock { () throws(RegistryError) in
      var report = PurgeReport(purged: [], removedBlobs: 0, freedBytes: 0, isDryRun: isDryRun)
      var kept: [BackupRecord] = []
      let now = Timestamp.now()
      // All records are read before one goes: who cannot be read might need any blob.
      let published = try allManifests(progress)
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
      try collectGarbage(published, kept, &report, progress)
      if !isDryRun { state.withLock { $0.contents += 1 } }
      return report
    }
    if !isDryRun { logger.info("purge by user \(actor.uid): \(report.text.dropLast())") }
    return report
  }

  /// Removes the blobs that nothing names.
  ///
  /// Marks from manifests and backups, all of which have been read.
  private func collectGarbage(
    _ published: [Manifest], _ kept: [BackupRecord], _ report: inout PurgeReport, _ progress: @escaping ProgressHandler
  ) throws(RegistryError) {
    var manifests = published + kept.map(\.manifest)
    let sweeping = { (done: Int, total: Int) in _ = progress(.sweeping, done, total) }
    viewCache.removeAll()
    let swept = try blobStore(
      try store.blobs.sweep(keeping: blobs(of: manifests), isDryRun: report.isDryRun, progress: sweeping))
    (report.removedBlobs, report.freedBytes) = swept
    // After the sweep, so that there is room.
    let dead = try mostlyDeadPacks(manifests)
    if report.isDryRun {
      report.compactedPacks = dead.count
      report.freedBytes += dead.reduce(0) { $0 + $1.pack.segments.byteCount - $1.neededByteCount }
      return
    }
    if !dead.isEmpty, let compacted = try compactIfPossible(dead, kept: kept, progress) {
      manifests = try allManifests() + keptManifests()
      let rest = try blobStore(
        try store.blobs.sweep(keeping: blobs(of: manifests), isDryRun: false, progress: sweeping))
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

  /// Compacts; nil if that came to an early end, which does no harm: the next purge sweeps what was written for nothing.
  private func compactIfPossible(
    _ uses: [PackUse], kept: [BackupRecord], _ progress: @escaping ProgressHandler
  ) throws(RegistryError) -> (count: Int, bytes: Int)? {
    do throws(RegistryError) {
      return try compact(uses, kept: kept, progress)
    } catch {
      if case .interrupted = error.code { throw error }
      logger.error("packs that are mostly dead were not compacted: \(error.message)")
      return nil
    }
  }

  private func allManifests(
    _ progress: ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> [Manifest] {
    var names: [(ModelName, VersionName)] = []
    for model in models { names += try versions(of: model).map { (model, $0) } }
    var manifests: [Manifest] = []
    for (model, version) in names {
      manifests.append(try manifest(of: model, version))
      guard progress(.reading, manifests.count, names.count) else { throw RegistryError(.interrupted, "stopped") }
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
