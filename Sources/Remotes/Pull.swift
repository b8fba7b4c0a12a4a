import BlobStore
import Logging
import PosixIO
package import StoreRecords
package import Tensors
package import WeightRegistry

/// Fetches versions from a remote into a store.
package struct Pull: Sendable {
  private let registry: WeightRegistry
  private let remote: any RemoteStore

  package init(_ registry: WeightRegistry, from remote: any RemoteStore) {
    self.registry = registry
    self.remote = remote
  }

  /// Fetches what the store does not have, checks everything, and publishes the version in one transaction.
  ///
  /// If this throws, the store presents what it did before, and what has come is kept for the next attempt; except that a version
  /// which is to become active, and does not pass the validation that its model's policy asks for first, is published and not active.
  ///
  /// - Parameters:
  ///   - digest: of the manifest.
  ///   - names: what the model and the version are to be called here; nil for what they are called there.
  ///   - activating: whether the version becomes active.
  ///   - key: has to have signed it; nil for none. So has the key that the model's policy asks for, if it asks for one.
  /// - Throws: `system(EKEYREJECTED)` if it is not signed as it has to be; `differentWeights` if another version has the name; `damaged`; `unacceptable` for what is no version.
  package func callAsFunction(
    _ digest: Digest, as names: (model: ModelName?, version: VersionName?) = (nil, nil), activating: Bool = false,
    verifying key: VerifyingKey? = nil, by actor: Actor = .current,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> PullReport {
    let records = registry.records
    try records.requireWriting()
    let interruption = Interruption(progress)
    let name = "\(remote.name)@\(OCIDigest(digest))"
    let artifact = try Artifact(try remote.checkedManifest(digest, unless: interruption), of: name)
    let required = try requiredKey(for: names.model ?? artifact.model)
    // Both have to have signed it, if there are two.
    for key in [key, required].compactMap(\.self) {
      try artifact.requireSignature(by: key, in: remote, unless: interruption)
    }
    let record = try remote.contents(of: artifact.record, limit: Artifact.recordLimit, unless: interruption)
    let arrival = try ArrivingVersion(
      artifact, record, as: (names.model ?? artifact.model, names.version ?? artifact.version), of: name)
    let manifest = arrival.manifest
    var report = PullReport(
      model: manifest.model, version: manifest.version, remote: remote.name, digest: OCIDigest(digest),
      fetchedByteCount: artifact.record.byteCount, byteCount: artifact.byteCount, isNew: false)
    if try !arrivals.isThere(manifest) {
      // Nothing that has come may go before the version's record names it.
      let pins = registry.blobs.newPins()
      defer { withExtendedLifetime(pins) {} }
      pins.pin(manifest.blobs)
      report.fetchedByteCount += try fetch(arrival, artifact, pins, progress)
      try requireValid(manifest, progress)
      try arrivals.publish(manifest, isCheckpoint: artifact.isCheckpoint, by: actor, unless: interruption)
      report.isNew = true
      registry.logger.info("pull: \(manifest.model)/\(manifest.version) from \(name)")
    }
    if activating {
      try registry.activation.setActive(manifest.model, manifest.version, by: actor, progress: progress)
    }
    report.isActive = records.activeVersion(of: manifest.model) == manifest.version
    return report
  }

  private var arrivals: Arrivals { Arrivals(registry, from: remote.name) }

  /// The key that a model's versions have to be signed by; nil for none.
  private func requiredKey(for model: ModelName) throws(StoreError) -> VerifyingKey? {
    guard let path = registry.records.policies(of: model).verifyingKeyPath else { return nil }
    return try VerifyingKey(fileAt: path)
  }

  // MARK: Fetching

  private func fetch(
    _ arrival: ArrivingVersion, _ artifact: Artifact, _ pins: BlobPins, _ progress: @escaping ProgressHandler
  ) throws(StoreError) -> Int {
    let interruption = Interruption(progress)
    let partials = try PartialFiles(in: registry.store, unless: interruption)
    let fetching = Fetching(
      remote: remote, blobs: registry.blobs, pins: pins, partials: partials, interruption: interruption)
    // Tables first: they say how packs are hashed.
    let tables = try arrival.tables(in: artifact)
    var fetched = try fetching.fetch(try arrivals.missing(tables, progress)) { _ in !interruption.isRequested }
    let contents = try arrivals.missing(
      try arrival.contents(in: artifact) { (digest) throws(StoreError) in try registry.records.table(digest) }, progress
    )
    var wanted: [Fetching.Wanted] = []
    for var each in contents {
      if let list = artifact.chunkLists[each.id], each.blob.byteCount > 0 {
        let bytes = try remote.contents(
          of: list, limit: BlobSums.chunkListByteCount(of: each.blob.byteCount), unless: interruption)
        guard let chunks = BlobSums.chunks(in: bytes, of: each.blob.byteCount) else { throw remote.damaged(list) }
        each.chunks = chunks
        fetched += bytes.count
      }
      wanted.append(each)
    }
    let total = wanted.reduce(0) { $0 &+ $1.blob.byteCount }
    return fetched + (try fetching.fetch(wanted, progress: counting(.fetching, of: total, progress)))
  }

  // MARK: Publishing

  /// What has come must be what it says it is: weight files are parsed, and compared with their tables.
  private func requireValid(_ manifest: Manifest, _ progress: @escaping ProgressHandler) throws(StoreError) {
    let report = try registry.validation.check(manifest, progress: progress)
    guard !report.isValid else { return }
    throw StoreError(
      .damaged, "\(manifest.model)/\(manifest.version) of \(remote.name) was not published:\n\(report.text)")
  }
}

/// What a pull has done.
package struct PullReport: Sendable, Hashable, Codable {
  package var model: ModelName
  package var version: VersionName
  /// The place, without tag.
  package var remote: String
  /// That of the manifest.
  package var digest: OCIDigest
  /// Bytes that came over the wire.
  package var fetchedByteCount: Int
  /// Of all that the artifact has.
  package var byteCount: Int
  /// False if the version was there already.
  package var isNew: Bool
  package var isActive = false

  /// A line for people.
  package var text: String {
    "\(model)/\(version) <- \(remote)@\(digest): "
      + (isNew ? "fetched \(ByteCount(bytes: fetchedByteCount)) of \(ByteCount(bytes: byteCount))" : "was here already")
      + (isActive ? "; active" : "") + "\n"
  }
}
