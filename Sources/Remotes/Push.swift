import BlobStore
import Logging
import PosixIO
package import StoreRecords
import Synchronization
import Tensors
package import WeightRegistry

/// Sends versions to a remote. It reads the store only, so that it works on a mounted one.
package struct Push: Sendable {
  /// Blobs that are sent at once.
  private static let width = 4

  private let registry: WeightRegistry
  private let remote: any RemoteStore
  private let cache: SumCache

  package init(_ registry: WeightRegistry, to remote: any RemoteStore, remembering cache: SumCache = .usual) {
    self.registry = registry
    self.remote = remote
    self.cache = cache
  }

  /// Sends what the remote does not have, and lets a tag point to it. Whoever sees the tag finds everything.
  ///
  /// Files that the model's policy keeps in quarantine stay behind.
  ///
  /// - Parameters:
  ///   - key: signs all layers; nil for no signature.
  ///   - portable: whether weight files that are put together from parts are sent as a whole, too, for other tools.
  /// - Throws: `damaged` if something is damaged here: then the tag is what it was; what the remote throws.
  package func callAsFunction(
    _ model: ModelName, _ version: VersionName, as tag: String, portable: Bool = false, signedBy key: SigningKey? = nil,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> PushReport {
    let interruption = Interruption(progress)
    let complete = try registry.records.manifest(of: model, version)
    let leftOut = try registry.views.withheld(of: complete)
    var assembly = try ArtifactAssembly(
      ArtifactAssembly.travelling(complete, without: leftOut), of: registry,
      isCheckpoint: registry.records.isCheckpoint(model, version), portable: portable, cache: cache,
      progress: progress)
    if let key {
      let known = try knownSignature(of: assembly.files, at: tag, key.publicKey, unless: interruption)
      if let known {
        try assembly.add(signature: known)
      } else {
        try assembly.add(
          signature: try ModelSignature.bundle(of: assembly.files, name: "\(model)/\(version)", by: key))
      }
    }
    let config = try assembly.config()
    let manifest = try assembly.manifest(with: config)
    let all = Self.distinct(
      assembly.layers + [.init(descriptor: .init(mediaType: "", .init(of: config)), content: .bytes(config))])
    let isThere = try ParallelSteps.map(all, threads: Self.width) { (layer) throws(StoreError) in
      try remote.contains(layer.descriptor.blob, unless: interruption)
    }
    let missing = zip(all, isThere).filter { !$1 }.map(\.0).sorted { $0.descriptor.size > $1.descriptor.size }
    let total = missing.reduce(0) { $0 &+ $1.descriptor.size }
    let count = counting(.sending, of: total, progress)
    let resumed = try ParallelSteps.map(missing, threads: Self.width) { (layer) throws(StoreError) in
      do throws(StoreError) {
        return try remote.write(layer.descriptor.blob, layer.content, progress: count)
      } catch {
        // What was remembered of the blob may be wrong, or the blob is not what it was.
        if case .damaged = error.code, let blob = layer.blob { cache.forget(blob) }
        throw error
      }
    }
    let resumedByteCount = resumed.reduce(0) { $0 &+ $1 }
    try remote.setTag(tag, to: manifest, unless: interruption)
    let report = PushReport(
      model: model, version: version, remote: "\(remote.name):\(tag)", digest: OCIDigest(Digest(of: manifest)),
      sentByteCount: total &- resumedByteCount, resumedByteCount: resumedByteCount,
      byteCount: all.reduce(0) { $0 &+ $1.descriptor.size }, leftOut: leftOut,
      isPortable: portable || !assembly.manifest.weights.contains(where: \.isStitched))
    registry.logger.info("push: \(model)/\(version) to \(report.remote), \(report.digest)")
    return report
  }

  /// The signature of the same files by the same key that is under the tag already; nil for none. A new one would be another each
  /// time, and so would be the artifact.
  private func knownSignature(
    of files: [String: Digest], at tag: String, _ key: VerifyingKey, unless interruption: Interruption
  ) throws(StoreError) -> [UInt8]? {
    guard let digest = try remote.digest(of: tag, unless: interruption) else { return nil }
    do throws(StoreError) {
      let artifact = try Artifact(try remote.checkedManifest(digest, unless: interruption), of: remote.name)
      guard let signature = artifact.signature else { return nil }
      let bundle = try remote.contents(of: signature, limit: ModelSignature.byteLimit, unless: interruption)
      try ModelSignature.verify(bundle, of: files, name: remote.name, by: key)
      return bundle
    } catch {
      if case .interrupted = error.code { throw error }
      // Something else is there, which gives way.
      return nil
    }
  }

  /// One layer for each content.
  private static func distinct(_ layers: [ArtifactAssembly.Layer]) -> [ArtifactAssembly.Layer] {
    var seen: Set<Digest> = []
    return layers.filter { seen.insert($0.descriptor.digest.digest).inserted }
  }
}

/// What a push has done.
package struct PushReport: Sendable, Hashable, Codable {
  package var model: ModelName
  package var version: VersionName
  /// The reference with its tag.
  package var remote: String
  /// That of the manifest, which names the whole artifact.
  package var digest: OCIDigest
  package var sentByteCount: Int
  /// What the remote had of blobs whose upload was cut off before: it was not sent again.
  package var resumedByteCount: Int
  /// Of all that the artifact has.
  package var byteCount: Int
  /// Files that stay behind, because unpickling them could run code.
  package var leftOut: [WithheldFile]
  /// Whether other tools find every weight file as a whole.
  package var isPortable: Bool
}
