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
  ///   - isDryRun: only estimates, from samples; that needs no store that is open for writing.
  ///   - progress: may stop it at any time; what is compressed by then stays so.
  /// - Throws: `unknownModel`, `unknownVersion`; `invalidName` if no version is named and the model's policy calls nothing cold;
  ///   `interrupted`.
  package func compress(
    _ model: ModelName?, _ version: VersionName?, isDryRun: Bool = false, by actor: Actor = .current,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> CompressionReport {
    if !isDryRun { try records.requireWriting() }
    var report = CompressionReport(.compress, isDryRun: isDryRun)
    if let model, let version {
      let manifest = try records.manifest(of: model, version)
      try run([("\(model)/\(version)", manifest)], &report, ParallelWork.processorCount, progress) { _ in true }
    } else {
      if let model {
        let removed = try records.modelsWithBackups()
        guard records.contains(model) || removed.contains(model) else { throw records.unknown(model) }
        guard records.policies(of: model).compress != .no else {
          throw StoreError(
            .invalidName,
            "which version of \(model)? Its policy compress is no, which calls none of them cold; name one, or say what is: "
              + "tantra config \(model) compress inactive")
        }
      }
      let cold = try ColdBlobs(records, of: model)
      try run(cold.versions, &report, ParallelWork.processorCount, progress, where: cold.contains)
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
    try run(versions, &report, 1, progress) { _ in true }
    tell(of: report, "by user \(actor.uid)")
    return report
  }

  // MARK: By the policies

  /// Compresses what the policies call cold, on one thread.
  package func compressCold(progress: @escaping ProgressHandler) throws(StoreError) -> CompressionReport {
    var report = CompressionReport(.compress)
    guard hasPolicies else { return report }
    let cold = try ColdBlobs(records, of: nil)
    try run(cold.versions, &report, 1, progress) { (blob) throws(StoreError) in
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
    guard hasPolicies else { return report }
    var versions: [(String, Manifest)] = []
    for model in model.map({ [$0] }) ?? records.models where records.policies(of: model).compress != .no {
      guard let active = records.activeVersion(of: model),
        let manifest = try records.folder(of: model, active)?.completeManifest
      else { continue }
      versions.append(("\(model)/\(active)", manifest))
    }
    try run(versions, &report, 1, progress) { (blob) throws(StoreError) in
      try !blobStore(try packing.isPlain(blob))
    }
    tell(of: report, "for they are active now")
    return report
  }

  /// Whether any model's policy compresses anything.
  private var hasPolicies: Bool { records.allModels.contains { records.policies(of: $0).compress != .no } }

  // MARK: Looking

  /// How much of what a version needs is compressed.
  package func standing(of manifest: Manifest) throws(StoreError) -> CompressionStanding {
    var standing = CompressionStanding()
    for blob in manifest.blobs {
      let opened = try blobStore(try records.store.blobs.open(blob))
      guard let stored = opened.packedByteCount else { continue }
      standing.files += 1
      standing.bytes += opened.byteCount
      standing.storedBytes += stored
    }
    return standing
  }

  // MARK: Doing

  /// Deals with every blob of some versions once.
  private func run(
    _ versions: [(name: String, manifest: Manifest)], _ report: inout CompressionReport, _ threads: Int,
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
    for (name, manifest) in versions {
      let blobs = try VersionBlobs(of: manifest, in: records) { (blob) throws(StoreError) in
        if seen.contains(blob) { return false }
        return try isWanted(blob)
      }
      report.versions.append(name)
      for (blob, segments) in blobs.segments.sorted(by: { $0.key < $1.key }) {
        seen.insert(blob)
        guard count(0) else { throw StoreError(.interrupted, "stopped after \(report.files) files") }
        do throws(BlobStoreError) {
          note(try deal(blob, segments, report, threads, count), &report)
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
    if report.files > 0, !report.isDryRun { records.noteCollection() }
  }

  private func deal(
    _ blob: Digest, _ segments: SegmentTable?, _ report: CompressionReport, _ threads: Int,
    _ count: @escaping RangeScanner.Progress
  ) throws(BlobStoreError) -> BlobPacking.Outcome {
    if report.isDryRun { return try packing.estimate(blob) }
    return report.verb == .compress
      ? try packing.pack(blob, segments, threads: threads, progress: count)
      : try packing.thaw(blob, segments, progress: count)
  }

  private func note(_ outcome: BlobPacking.Outcome, _ report: inout CompressionReport) {
    switch outcome {
    case .done(let before, let after):
      report.files += 1
      report.bytesBefore += before
      report.bytesAfter += after
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
