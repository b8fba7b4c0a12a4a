import BlobStore
import Glibc
package import Logging
import PosixIO
package import StoreRecords
import Tensors
package import WeightRegistry

/// A version of a remote, ready to be mounted for reading: its records, tables and ordinary files are here, its weights come when
/// somebody reads them.
///
/// The cache is a store, whose lock one mount at a time has. What was mounted from it before is shown, too.
package final class RemoteMount: Sendable {
  package struct Options: Sendable {
    /// The folder of the cache.
    package var cachePath: String
    /// Bytes that weights may take there; nil for a fifth of the disk, at most 100 GB.
    package var cacheByteLimit: Int?
    /// How long a read waits for the remote; nil for ever.
    package var timeout: Duration? = .seconds(60)
    package var plainHTTP = false
    /// Has to have signed the version; nil for none.
    package var key: VerifyingKey?
    /// Whether all of it is fetched, behind what programs read.
    package var prefetches = false

    package init(cachePath: String) { self.cachePath = cachePath }
  }

  /// How long a remote that was mounted before may take to say where its tag points to.
  private static let patience = Duration.seconds(5)

  /// Bytes that the list of chunks of one blob may have: those of 8 TiB.
  private static let chunkListByteLimit = 256 << 20

  package let registry: WeightRegistry
  private let reference: RemoteReference
  private let options: Options
  private let cache: RemoteCache
  private let place: RemotePlace
  private let kept: KeptRemote
  private let fetcher: ChunkFetcher
  private let blobs = RemoteBlobs()
  private let logger: Logger

  /// Where the cache of a remote is unless somebody says otherwise; nil for a user without a home.
  package static func usualCachePath(for reference: RemoteReference) -> String? {
    let place = reference.placeText
    let name = String(place.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "_" }.suffix(80))
    return UserCache.path("remotes/\(name)-\(Digest(of: Array(place.utf8)).hexadecimal.prefix(8))")
  }

  /// Opens the cache, and fetches what is whole at a mount.
  ///
  /// A remote that does not answer is no error, if the tag was mounted with this cache before.
  ///
  /// - Parameters:
  ///   - reference: with a tag or a digest.
  ///   - mountpoint: where the registry is about to be mounted.
  /// - Throws: `locked` if another mount has the cache; `differentWeights` if the cache has another version of that name; as ``Pull``.
  package init(
    _ reference: RemoteReference, _ options: Options, mountpoint: String, logger: Logger,
    checkers: [any VersionChecker] = []
  ) throws(StoreError) {
    self.reference = reference
    self.options = options
    self.logger = logger
    place = RemotePlace(reference, plainHTTP: options.plainHTTP)
    if try RemoteMountRecord.isMissing(below: options.cachePath) {
      // No cache is made for what is not there.
      _ = try reference.resolve(in: try place.open(), unless: .never)
    }
    registry = try WeightRegistry(
      storePath: options.cachePath, access: .writing(mountpoint: mountpoint), logger: logger, checkers: checkers,
      hasParsedWeights: false)
    cache = try RemoteCache(in: registry.store)
    kept = KeptRemote(place, in: cache.kept)
    fetcher = ChunkFetcher(
      place, try posix(try CacheBudget(limit: options.cacheByteLimit, in: cache.folder)),
      RemoteHealth(reference.placeText, logger), timeout: options.timeout)
    registry.blobs.use(blobs)
    try prepare()
  }

  private func prepare() throws(StoreError) {
    var record = try RemoteMountRecord.read(in: cache.folder) ?? RemoteMountRecord(place: reference.placeText)
    guard record.place == reference.placeText else {
      throw StoreError(
        .alreadyExists,
        "\(options.cachePath) is the cache of \(record.place): choose another folder for \(reference.placeText) with --cache"
      )
    }
    let digest = try resolve(remembering: record)
    try mount(digest, activating: true)
    if case .tag(let tag) = reference.pick { record.tags[tag] = OCIDigest(digest) }
    let earlier = record.versions.filter { $0.digest != digest }
    record.versions = earlier + [OCIDigest(digest)]
    try record.write(in: cache.folder)
    for each in earlier {
      do throws(StoreError) { try mount(each.digest, activating: false) } catch {
        logger.warning("what was mounted before cannot be read now: \(error)")
      }
    }
    let strange = try cache.strangeByteCount(besides: Set(blobs.all.map(\.content.blob.digest)))
    fetcher.budget.count(strange)
  }

  /// The digest that the reference means now, or meant when it was mounted last.
  private func resolve(remembering record: RemoteMountRecord) throws(StoreError) -> Digest {
    guard case .tag(let tag) = reference.pick, let known = record.tags[tag] else {
      let digest = try reference.resolve(in: kept, unless: .never)
      if case .tag = reference.pick { fetcher.health.noteAnswer(0) }
      return digest
    }
    let deadline = ContinuousClock.now + Self.patience
    do throws(StoreError) {
      let digest = try reference.resolve(in: kept, unless: Interruption { deadline <= .now })
      fetcher.health.noteAnswer(0)
      return digest
    } catch {
      switch error.code {
      case .interrupted, .system, .noStore: break
      default: throw error
      }
      fetcher.health.noteFailure(error)
      logger.warning("\(reference) does not answer, and is mounted as it was last: \(known)")
      return known.digest
    }
  }

  // MARK: Versions

  /// Makes a version of the remote one of the registry.
  private func mount(_ digest: Digest, activating: Bool) throws(StoreError) {
    let name = "\(place.name)@\(OCIDigest(digest))"
    let artifact = try Artifact(try kept.checkedManifest(digest, unless: .never), of: name)
    if let key = options.key { try artifact.requireSignature(by: key, in: kept, unless: .never) }
    let record = try kept.contents(of: artifact.record, limit: Artifact.recordLimit, unless: .never)
    let arrival = try ArrivingVersion(artifact, record, as: (artifact.model, artifact.version), of: name)
    let manifest = arrival.manifest
    let arrivals = Arrivals(registry, from: place.name)
    let isThere = try arrivals.isThere(manifest)
    let pins = registry.blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    pins.pin(manifest.blobs)
    try fetch(try arrival.tables(in: artifact), arrivals, pins)
    let contents = try arrival.contents(in: artifact) { (id) throws(StoreError) in try registry.records.table(id) }
    let files = Set(manifest.files.compactMap(\.blob))
    var whole: [Fetching.Wanted] = []
    for each in contents {
      if !files.contains(each.id), let content = try content(of: each, in: artifact) {
        try add(content, of: manifest)
      } else {
        whole.append(each)
      }
    }
    try fetch(whole, arrivals, pins)
    if !isThere {
      try arrivals.publish(manifest, isCheckpoint: artifact.isCheckpoint, by: .current, unless: .never)
    }
    if activating { try registry.activation.setActive(manifest.model, manifest.version) }
    logger.info("\(manifest.model)/\(manifest.version) is read from \(name)")
  }

  /// What is needed to read a blob by chunks; nil if it can only be checked as a whole.
  private func content(
    of wanted: Fetching.Wanted, in artifact: Artifact
  ) throws(StoreError) -> LazyBlob.Content? {
    let blob = wanted.blob
    let table = wanted.table ?? SegmentTable(whole: blob.byteCount, blob.digest)
    guard table.blob == wanted.id, table.byteCount == blob.byteCount else {
      throw StoreError(
        .damaged, "\(place.name): what the manifest calls blob \(wanted.id) is another one: it was tampered with")
    }
    if blob.byteCount == 0 { return nil }
    guard let list = artifact.chunkLists[wanted.id] else {
      guard blob.byteCount <= BlobSums.chunkByteCount else { return nil }
      return .init(id: wanted.id, blob: blob, table: wanted.table, chunks: [blob.digest])
    }
    let limit = BlobSums.chunkListByteCount(of: blob.byteCount)
    guard limit <= Self.chunkListByteLimit else { throw kept.damaged(list) }
    let bytes = try kept.contents(of: list, limit: limit, unless: .never)
    guard let chunks = BlobSums.chunks(in: bytes, of: blob.byteCount) else { throw kept.damaged(list) }
    return .init(id: wanted.id, blob: blob, table: wanted.table, chunks: chunks)
  }

  private func add(_ content: LazyBlob.Content, of manifest: Manifest) throws(StoreError) {
    if blobs.contains(content.id) { return }
    if let same = blobs.blob(ofLayer: content.blob.digest) {
      guard same.byteCount == content.blob.byteCount else { throw kept.damaged(content.blob) }
      return blobs.add(same, as: content.id)
    }
    let file = try cache.file(of: content.blob)
    let naming = TensorNaming(manifest, registry.records)
    let blob = LazyBlob(content, in: file, fetcher) { naming.describe($0, of: content.id) }
    fetcher.budget.add(blob, holding: try posix(try file.status().allocated))
    blobs.add(blob, as: content.id)
  }

  /// Fetches blobs as a whole that are not here, or not what they should be.
  private func fetch(
    _ wanted: [Fetching.Wanted], _ arrivals: Arrivals, _ pins: BlobPins
  ) throws(StoreError) {
    let missing = try arrivals.missing(wanted) { _, _, _ in true }
    if missing.isEmpty { return }
    let partials = try PartialFiles(in: registry.store, unless: .never)
    let fetching = Fetching(
      remote: try place.open(), blobs: registry.blobs, pins: pins, partials: partials, interruption: .never)
    _ = try fetching.fetch(missing) { _ in true }
  }

  // MARK: While it is mounted

  /// Begins to fetch. Call it when the process is the one that serves.
  package func start() {
    fetcher.start()
    let (blobs, prefetches) = (blobs.all, options.prefetches)
    BackgroundThread.start {
      for blob in blobs where blob.isAllKept { blob.proveAll() }
      if prefetches { for blob in blobs { blob.prefetch() } }
    }
  }

  /// Ends what is under way.
  package func stop() { fetcher.stop() }

  /// How it stands: a line for each figure.
  package var status: String {
    let figures = fetcher.health.figures
    var lines = [
      "remote \(reference)",
      "remote_up \(figures.isFailing ? 0 : 1)",
      "remote_cached_bytes \(fetcher.budget.used)",
      "remote_cache_limit_bytes \(fetcher.budget.limit)",
      "remote_whole_bytes \(blobs.all.reduce(0) { $0 + $1.byteCount })",
      "remote_fetched_bytes \(figures.fetchedByteCount)",
      "remote_requests \(figures.requestCount)",
      "remote_errors \(figures.errorCount)",
      "remote_damaged_chunks \(figures.damagedChunkCount)",
    ]
    if let time = figures.lastContact { lines.append("remote_last_contact \(time / 1_000_000_000)") }
    if let error = figures.lastError { lines.append("remote_last_error \(error.replacing("\n", with: " "))") }
    return lines.joined(separator: "\n") + "\n"
  }
}
