import BlobStore
import StoreRecords
import Tensors

/// Which versions need blobs.
struct BlobUsers {
  let records: RecordStore

  /// For each of some blobs a version that needs it, by the name that people know it by: `mamba/v1.0`, `mamba/v0.9@2`; its own if none
  /// does.
  func names(of blobs: Set<Digest>) throws(StoreError) -> [Digest: String] {
    var names: [Digest: String] = [:]
    func look(_ manifest: Manifest, _ name: String) {
      for blob in blobs.intersection(manifest.blobs) where names[blob] == nil { names[blob] = name }
    }
    for model in records.models where names.count < blobs.count {
      for version in try records.versions(of: model) {
        if let manifest = try records.folder(of: model, version)?.completeManifest {
          look(manifest, "\(model)/\(version)")
        }
      }
    }
    for model in try names.count < blobs.count ? records.backups.models() : [] {
      for record in try records.backups.all(of: model) { look(record.manifest, "\(model)/\(record.edition)") }
    }
    for blob in blobs where names[blob] == nil { names[blob] = Blob.name(of: blob) }
    return names
  }
}
