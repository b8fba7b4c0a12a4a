import BlobStore
import PosixIO
import StoreRecords
import Tensors
import WeightRegistry

/// Gives versions that come from a remote their place in a store.
struct Arrivals: Sendable {
  private let registry: WeightRegistry
  /// What the remote is called in messages.
  private let remoteName: String

  init(_ registry: WeightRegistry, from remoteName: String) {
    self.registry = registry
    self.remoteName = remoteName
  }

  /// Whether the version is published here already.
  ///
  /// - Throws: `differentWeights` if another one has its name; `alreadyExists` if a draft or a file has.
  func isThere(_ manifest: Manifest) throws(StoreError) -> Bool {
    guard let folder = try registry.records.folder(of: manifest.model, manifest.version) else { return false }
    return try Self.isThere(manifest, in: folder)
  }

  private static func isThere(_ manifest: Manifest, in folder: VersionFolder) throws(StoreError) -> Bool {
    guard let known = folder.completeManifest else {
      if folder.isEmpty() { return false }
      throw StoreError(
        .alreadyExists,
        "\(manifest.model)/\(manifest.version) is a draft that holds files: remove it, or choose another name with --version"
      )
    }
    if known.holdsSame(as: manifest) { return true }
    let what = known.holdsSameWeights(as: manifest) ? "other files beside the same weights" : "other weights"
    throw StoreError(
      .differentWeights,
      "\(manifest.model)/\(manifest.version) is published here with \(what), and a published version never changes: choose "
        + "another name with --version")
  }

  /// Those that the store does not have, or has damaged.
  func missing(
    _ wanted: [Fetching.Wanted], _ progress: @escaping ProgressHandler
  ) throws(StoreError) -> [Fetching.Wanted] {
    var missing: [Fetching.Wanted] = []
    for each in wanted {
      let table = each.table ?? SegmentTable(whole: each.blob.byteCount, each.blob.digest)
      guard table.blob == each.id, table.byteCount == each.blob.byteCount else {
        throw StoreError(
          .damaged, "\(remoteName): what the manifest calls blob \(each.id) is another one: it was tampered with")
      }
      guard try blobStore(try registry.blobs.contains(each.id)) else {
        missing.append(each)
        continue
      }
      let count = counting(.checking, of: each.blob.byteCount, progress)
      if try !blobStore(try registry.blobs.isIntact(table, progress: count)) { missing.append(each) }
    }
    return missing
  }

  /// Publishes a version, unless it is there by now.
  func publish(
    _ manifest: Manifest, isCheckpoint: Bool, by actor: Actor, unless interruption: Interruption
  ) throws(StoreError) {
    let isCheckpoint = isCheckpoint || manifest.version.looksLikeCheckpoint
    try registry.records.transaction(manifest.model, unless: interruption) { (records) throws(StoreError) in
      if let folder = try records.folder(manifest.version), try Self.isThere(manifest, in: folder) { return }
      try records.publish(
        VersionFolder(manifest), in: isCheckpoint ? .checkpoints : .models,
        switching: isCheckpoint ? .never : .ifNone, by: actor)
    }
  }
}
