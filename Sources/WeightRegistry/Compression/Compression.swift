import BlobStore
import Logging
import PosixIO
package import StoreRecords
import Tensors

/// Lets versions that nobody serves take less room, and takes that back. What anybody reads stays the same, byte for byte.
package struct Compression: Sendable {
  let records: RecordStore

  private var packing: BlobPacking { BlobPacking(records.store.blobs) }

  // MARK: Asked for

  /// Compresses what a version needs; without a version, what the policies call cold.
  ///
  /// - Parameters:
  ///   - model: nil for all models.
  ///   - base: what that may be differences from.
  ///   - isDryRun: only estimates, from samples; that needs no store that is open for writing.
  ///   - progress: may stop it at any time; what is compressed by then stays so.
  /// - Throws: `unknownModel`, `unknownVersion`; `invalidName` if no version is named and the model's policy calls nothing cold;
  ///   `interrupted`.
  package func compress(
    _ model: ModelName?, _ version: VersionName?, from base: CompressionBase = .best, isDryRun: Bool = false,
    by actor: Actor = .current, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> CompressionReport {
    if !isDryRun { try records.requireWriting() }
    var report = CompressionReport(.compress, isDryRun: isDryRun)
    let search = BaseSearch(records, base)
    if let model, let version {
      let manifest = try records.manifest(of: model, version)
      // Who says what from wants it even if it is compressed otherwise.
      try run(
        [("\(model)/\(version)", manifest)], &report, .packing(search, again: base != .best), progress
      ) { _ in true }
    } else {
      guard base == .best else {
        throw StoreError(
          .invalidName,
          "which version is to be compressed with that base? Write tantra compress MODEL/VERSION --base VERSION")
      }
      if let model {
        let removed = try records.backups.models()
        guard records.contains(model) || removed.contains(model) else { throw records.unknown(model) }
        guard records.policies(of: model).compress != .no else {
          throw StoreError(
            .invalidName,
            "which version of \(model)? Its policy compress is no, which calls none of them cold; name one, or say what is: "
              + "tantra config \(model) compress inactive")
        }
      }
      let cold = try ColdBlobs(records, of: model)
      try run(cold.versions, &report, .packing(search), progress, where: cold.contains)
    }
    if !isDryRun { tell(of: report, "by user \(actor.uid)") }
    return report
  }

  /// Makes what a version needs plain files again; without a version, what all versions need that are there.
  ///
  /// - Parameters:
  ///   - model: nil for all models.
  ///   - progress: may stop it at any time; what is plain by then stays so.
  package func thaw(
    _ model: ModelName?, _ version: VersionName?, by actor: Actor = .current,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> CompressionReport {
    try records.requireWriting()
    var versions: [(String, Manifest)] = []
    if let model, let version {
      versions = [("\(model)/\(version)", try records.manifest(of: model, version))]
    } else {
      if let model { try records.require(model) }
      for model in model.map({ [$0] }) ?? records.models {
        for version in try records.versions(of: model) {
          versions.append(("\(model)/\(version)", try records.manifest(of: model, version)))
        }
      }
    }
    var report = CompressionReport(.thaw)
    try run(versions, &report, .thawing, progress) { _ in true }
    tell(of: report, "by user \(actor.uid)")
    return report
  }

  // MARK: By the policies

  /// Compresses what the policies call cold, on one thread.
  package func compressCold(progress: @escaping ProgressHandler) throws(StoreError) -> CompressionReport {
    var report = CompressionReport(.compress)
    guard records.allModels.contains(where: { records.policies(of: $0).compress != .no }) else { return report }
    let cold = try ColdBlobs(records, of: nil)
    let how = Treatment.packing(BaseSearch(records, .best), threads: 1)
    try run(cold.versions, &report, how, progress) { (blob) throws(StoreError) in
      if !cold.contains(blob) { return false }
      return try blobStore(try packing.isFit(blob))
    }
    tell(of: report, "as the policies say")
    return report
  }

  /// Makes what active versions need plain files again, of models whose policy compresses others.
  ///
  /// - Parameter model: nil for all models.
  package func thawActive(
    of model: ModelName? = nil, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> CompressionReport {
    var report = CompressionReport(.thaw)
    var versions: [(String, Manifest)] = []
    for model in model.map({ [$0] }) ?? records.models where records.policies(of: model).compress != .no {
      guard let active = records.activeVersion(of: model),
        let manifest = try records.folder(of: model, active)?.completeManifest
      else { continue }
      versions.append(("\(model)/\(active)", manifest))
    }
    if versions.isEmpty { return report }
    try run(versions, &report, .thawing, progress) { (blob) throws(StoreError) in
      try !blobStore(try packing.isPlain(blob))
    }
    tell(of: report, "for they are active now")
    return report
  }

  /// Compresses anew what is a difference from blobs that no version needs any more, so that these can go.
  ///
  /// - Parameters:
  ///   - needed: what versions need.
  ///   - manifests: all versions.
  func rebase(
    _ needed: Set<Digest>, of manifests: [Manifest], progress: @escaping ProgressHandler
  ) throws(StoreError) -> CompressionReport {
    var report = CompressionReport(.compress)
    let lost = try blobStore(try records.store.blobs.differences)
      .filter { needed.contains($0.key) && !needed.isSuperset(of: $0.value) }
    if lost.isEmpty { return report }
    let versions = manifests.filter { !$0.blobs.isDisjoint(with: lost.keys) }
    let how = Treatment.packing(BaseSearch(records, .best), again: true, threads: 1)
    try run(versions.map { ("\($0.model)/\($0.version)", $0) }, &report, how, progress) { lost[$0] != nil }
    tell(of: report, "for what they were differences from is needed by nothing else")
    return report
  }

  // MARK: Looking

  /// How much of what a version needs is compressed.
  package func standing(of manifest: Manifest) throws(StoreError) -> CompressionStanding {
    var standing = CompressionStanding()
    var bases: Set<Digest> = []
    for blob in manifest.blobs {
      let opened = try blobStore(try records.store.blobs.open(blob))
      standing.add(opened)
      bases.formUnion(opened.bases)
    }
    standing.against = Set(try BlobUsers(records: records).names(of: bases).values).sorted()
    return standing
  }

  // MARK: Doing

  /// What is done with blobs.
  private enum Treatment {
    /// - again: also those that are compressed already, otherwise.
    case packing(BaseSearch, again: Bool = false, threads: Int = ParallelWork.processorCount)
    case thawing
  }

  /// Deals with every blob of some versions once.
  private func run(
    _ versions: [(name: String, manifest: Manifest)], _ report: inout CompressionReport, _ treatment: Treatment,
    _ progress: @escaping ProgressHandler, where isWanted: (Digest) throws(StoreError) -> Bool
  ) throws(StoreError) {
    var seen: Set<Digest> = []
    // What is compressed is read twice: once more for its digests.
    let passes = report.verb == .compress ? 2 : 1
    let total = versions.reduce(0) { sum, version in
      let manifest = version.manifest
      return sum &+ passes * (manifest.weights.map(\.byteCount) + manifest.files.map(\.byteCount)).reduce(0, &+)
    }
    let count = counting(report.verb == .compress ? .compressing : .thawing, of: max(1, total), progress)
    // Later ones may become differences from earlier ones, which then have been dealt with.
    for (name, manifest) in versions.sorted(by: { $0.manifest.published < $1.manifest.published }) {
      let blobs = try VersionBlobs(of: manifest, in: records) { (blob) throws(StoreError) in
        if seen.contains(blob) { return false }
        return try isWanted(blob)
      }
      report.versions.append(name)
      var resemblances: [Digest: [Resemblance]] = [:]
      if case .packing(let search, let again, _) = treatment {
        // Nobody need look for bases of what is compressed already.
        var fresh = Array(blobs.segments.keys)
        if !again { fresh = try plain(among: fresh) }
        if !fresh.isEmpty { resemblances = try search.resemblances(of: fresh, in: manifest) }
      }
      for (blob, segments) in blobs.segments.sorted(by: { $0.key < $1.key }) {
        seen.insert(blob)
        guard count(0) else { throw StoreError(.interrupted, "stopped after \(report.files) files") }
        do throws(BlobStoreError) {
          note(try deal(blob, segments, resemblances[blob] ?? [], report, treatment, count), &report, treatment)
        } catch .missing {
          // It has been purged meanwhile, or validation says that it is missing.
          continue
        } catch .damaged(_, let what) {
          report.damaged.append(
            "\(name): blob \(blob) stays as it is, since it is damaged (\(what)); tantra validate says more")
        } catch {
          let error = StoreError(error)
          guard case .interrupted = error.code else { throw error }
          throw StoreError(.interrupted, "stopped after \(report.files) files, which stay so")
        }
      }
    }
    report.against.sort()
    if report.files > 0, !report.isDryRun { records.noteCollection() }
  }

  private func plain(among blobs: [Digest]) throws(StoreError) -> [Digest] {
    var plain: [Digest] = []
    for blob in blobs where try blobStore(try packing.isPlain(blob)) { plain.append(blob) }
    return plain
  }

  private func deal(
    _ blob: Digest, _ segments: SegmentTable?, _ candidates: [Resemblance], _ report: CompressionReport,
    _ treatment: Treatment, _ count: @escaping RangeScanner.Progress
  ) throws(BlobStoreError) -> BlobPacking.Outcome {
    switch treatment {
    case .packing(let search, let again, let threads):
      return report.isDryRun
        ? try packing.estimate(blob, from: candidates, progress: count)
        : try packing.pack(
          blob, segments, from: candidates, again: again, intact: search.intact, threads: threads, progress: count)
    case .thawing: return try packing.thaw(blob, segments, progress: count)
    }
  }

  private func note(_ outcome: BlobPacking.Outcome, _ report: inout CompressionReport, _ treatment: Treatment) {
    switch outcome {
    case .done(let before, let after, let bases):
      report.files += 1
      report.bytesBefore += before
      report.bytesAfter += after
      guard case .packing(let search, _, _) = treatment, !bases.isEmpty else { return }
      report.differences += 1
      for name in Set(bases.compactMap { search.names[$0] }) where !report.against.contains(name) {
        report.against.append(name)
      }
    case .asWanted: report.already += 1
    case .hardlySmaller: report.hardlySmaller += 1
    case .inUse: report.inUse += 1
    }
  }

  private func tell(of report: CompressionReport, _ why: String) {
    for problem in report.damaged { records.logger.warning("\(problem)") }
    if report.files > 0 { records.logger.info("\(report.text.prefix { $0 != "\n" }), \(why)") }
  }
}
