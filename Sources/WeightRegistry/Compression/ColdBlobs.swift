import BlobStore
import StoreRecords
import Tensors

/// What the policies of all models call cold.
///
/// Of a model with the policy `removed` that is what removed versions, earlier editions and backups need; with `inactive` also what
/// versions need that neither `active` nor another link leads to. What a version needs that is not cold never is.
struct ColdBlobs {
  /// Versions that are cold, by the names that people know them by.
  private(set) var versions: [(name: String, manifest: Manifest)] = []
  private var hot: Set<Digest> = []

  /// Reads all records.
  ///
  /// - Parameter model: the one whose cold versions are wanted; nil for all.
  init(_ records: RecordStore, of model: ModelName?) throws(StoreError) {
    for other in records.allModels {
      let isCold = records.policies(of: other).compress == .inactive
      for version in try records.listing(of: other).folders {
        guard let folder = try records.folder(of: other, version) else { continue }
        if isCold, let manifest = folder.completeManifest, records.links(to: version, of: other).isEmpty {
          if model ?? other == other { versions.append(("\(other)/\(version)", manifest)) }
        } else {
          hot.formUnion(folder.blobs)
        }
      }
    }
    for other in try records.backups.models() where model ?? other == other {
      guard records.policies(of: other).compress != .no else { continue }
      for record in try records.backups.all(of: other) {
        versions.append(("\(other)/\(record.edition)", record.manifest))
      }
    }
  }

  func contains(_ blob: Digest) -> Bool { !hot.contains(blob) }
}
