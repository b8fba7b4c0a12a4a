import BlobStore
import Logging
import StoreRecords
import Tensors

/// Frees what nothing needs: one run of a purge. One at a time, beside everything else.
///
/// It notes from the beginning what comes to be needed meanwhile, reads all records, model by model, forgets what is meant, and
/// then removes blobs one after another.
struct Collection {
  let records: RecordStore
  let views: ViewCatalogue
  let isDryRun: Bool
  let progress: ProgressHandler

  private var blobs: BlobStore { records.store.blobs }

  /// - Parameters:
  ///   - isMeant: whether what is kept of a version is to be forgotten.
  ///   - check: told which models have removed versions.
  func run(
    forgetting isMeant: (BackupRecord) -> Bool, knowing check: ([ModelName]) throws(StoreError) -> Void
  ) throws(StoreError) -> PurgeReport {
    // What is retired from here on is noted: it may be the first of its model, which is not listed then.
    let sweep = blobs.beginSweep()
    let models = try records.backups.models()
    try check(models)
    var report = PurgeReport(purged: [], removedBlobs: 0, freedBytes: 0, isDryRun: isDryRun)
    // All records are read before one goes: who cannot be read might need any blob.
    var needed = try neededByFolders()
    var kept: [Manifest] = []
    var dropped: [BackupRecord] = []
    for model in models {
      for record in try records.backups.all(of: model) {
        if isMeant(record) { dropped.append(record) } else { kept.append(record.manifest) }
      }
    }
    for manifest in kept { needed.formUnion(manifest.blobs) }
    for record in dropped {
      let isLeftover = records.backups.isLeftover(record)
      if !isDryRun, try !drop(record) { continue }
      // A version that is there may have an earlier edition: its name alone would be taken for that of the version.
      let name = record.isReplaced == true || record.isPinned ? "\(record.edition)" : "\(record.manifest.version)"
      if !isLeftover { report.purged.append("\(record.manifest.model)/\(name)") }
    }
    views.removeAll()
    (report.removedBlobs, report.freedBytes) = try remove(all: needed, sweep)
    try compact(kept, &report, sweep)
    try rebase(&report, sweep)
    if !isDryRun { records.noteCollection() }
    return report
  }

  /// Forgets a removed version.
  ///
  /// - Returns: false if it was restored a moment ago.
  private func drop(_ record: BackupRecord) throws(StoreError) -> Bool {
    let (model, version) = (record.manifest.model, record.manifest.version)
    return try records.transaction(model, backupsOf: version, unless: .init(progress)) {
      (records, backups) throws(StoreError) in
      // Another may have its number by now.
      guard backups.contains(record) else { return false }
      try records.drop(record)
      return true
    }
  }

  private func remove(
    all needed: Set<Digest>, _ sweep: borrowing Sweep
  ) throws(StoreError) -> (count: Int, bytes: Int) {
    try blobStore(try sweep.run(keeping: needed, isDryRun: isDryRun) { progress(.sweeping, $0, $1) })
  }

  /// What folders need, and some versions that are kept.
  private func needed(besides kept: [Manifest]) throws(StoreError) -> Set<Digest> {
    try kept.reduce(into: neededByFolders()) { $0.formUnion($1.blobs) }
  }

  /// Compacts packs that are mostly dead, after the sweep, so that there is room, and removes what that leaves.
  private func compact(
    _ kept: [Manifest], _ report: inout PurgeReport, _ sweep: borrowing Sweep
  ) throws(StoreError) {
    let compaction = Compaction(records: records, progress: progress)
    let manifests = try published() + kept
    let dead = try compaction.mostlyDeadPacks(manifests)
    if isDryRun {
      report.compactedPacks = dead.count
      report.freedBytes += dead.reduce(0) { $0 + $1.pack.segments.byteCount - $1.neededByteCount }
      return
    }
    if !dead.isEmpty {
      do throws(StoreError) {
        let compacted = try compaction.run(dead)
        let rest = try remove(all: needed(besides: backedUp()), sweep)
        report.compactedPacks = compacted.count
        report.removedBlobs += rest.count
        report.freedBytes += rest.bytes - compacted.bytes
      } catch {
        // That does no harm: the next purge sweeps what was written for nothing.
        if case .interrupted = error.code { throw error }
        records.logger.error("packs that are mostly dead were not compacted: \(error.message)")
      }
    }
    if report.removedBlobs > 0 { try forgetInIndex() }
  }

  /// Compresses anew what is a difference from what only that needs, and removes the latter.
  private func rebase(_ report: inout PurgeReport, _ sweep: borrowing Sweep) throws(StoreError) {
    if isDryRun { return }
    if try blobStore(try blobs.differences).isEmpty { return }
    let kept = try backedUp()
    let needed = try needed(besides: kept)
    do throws(StoreError) {
      let rebased = try Compression(records: records).rebase(needed, of: published() + kept, progress: progress)
      if rebased.files == 0 { return }
      let rest = try remove(all: self.needed(besides: backedUp()), sweep)
      report.removedBlobs += rest.count
      report.freedBytes += rest.bytes - (rebased.bytesAfter - rebased.bytesBefore)
    } catch {
      // That does no harm: what they are differences from stays as long.
      if case .interrupted = error.code { throw error }
      records.logger.error(
        "what is compressed as a difference from what was purged was not compressed anew: \(error.message)")
    }
  }

  private func forgetInIndex() throws(StoreError) {
    let manifests = try published() + backedUp()
    try records.index.keepOnly(
      manifests.reduce(into: []) { $0.formUnion($1.blobs) },
      contents: manifests.reduce(into: []) { contents, manifest in
        contents.formUnion(manifest.weights.map(\.blob) + (manifest.main.map { [$0.table] } ?? []))
      })
  }

  /// Every blob that a version or a draft needs.
  private func neededByFolders() throws(StoreError) -> Set<Digest> {
    var needed: Set<Digest> = []
    try forEachFolder { needed.formUnion($0.blobs) }
    return needed
  }

  private func backedUp() throws(StoreError) -> [Manifest] {
    var manifests: [Manifest] = []
    for model in try records.backups.models() { manifests += try records.backups.all(of: model).map(\.manifest) }
    return manifests
  }

  private func published() throws(StoreError) -> [Manifest] {
    var manifests: [Manifest] = []
    try forEachFolder { folder in if let manifest = folder.completeManifest { manifests.append(manifest) } }
    return manifests
  }

  private func forEachFolder(_ body: (VersionFolder) -> Void) throws(StoreError) {
    var names: [(ModelName, VersionName)] = []
    for model in records.allModels {
      names += try records.listing(of: model).folders.map { (model, $0) }
    }
    for (index, (model, version)) in names.enumerated() {
      // One that has gone meanwhile is a removed version now, or its blobs are noted under its new name.
      if let folder = try records.folder(of: model, version) { body(folder) }
      guard progress(.reading, index + 1, names.count) else { throw StoreError(.interrupted, "stopped") }
    }
  }
}
