import BlobStore
import Logging
import PosixIO
package import StoreRecords
import Tensors
import WeightFormats

/// What a copy to another store took.
package struct CopyReport: Sendable, Hashable, Codable {
  package var blobs: Int
  package var byteCount: Int
  /// Files that stay behind, because unpickling them could run code.
  package var leftOut: [WithheldFile]
}

extension WeightRegistry {
  /// Copies a version with everything it needs into the store at `path`, which is made if it is missing, and validates it
  /// there. Files that the model's policy keeps in quarantine stay behind. Reads only, so that it works on a mounted store.
  ///
  /// - Throws: `alreadyExists` if there is another version of that name; `damaged` if something is damaged here: then nothing
  ///   is published there.
  package func copy(
    _ model: ModelName, _ version: VersionName, toStoreAt path: String,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> CopyReport {
    var manifest = try records.manifest(of: model, version)
    let leftOut = try views.withheld(of: manifest)
    let paths = Set(leftOut.map(\.$path))
    manifest.files.removeAll { paths.contains($0.$path) }
    manifest.weights.removeAll { paths.contains($0.$path) }
    manifest.earlier = nil
    let target = try WeightRegistry(storePath: path, access: .writing(), logger: logger, checkers: checkers)
    if target.records.contains(model, version) {
      guard try target.records.manifest(of: model, version).isOfSameContent(as: manifest) else {
        throw StoreError(.alreadyExists, "the store at \(path) has another \(model)/\(version)")
      }
    }
    let tables = try segmentTables(of: manifest)
    let total = tables.reduce(0) { $0 &+ $1.byteCount }
    let count = counting(.copying, of: total, progress)
    let pins = target.blobs.newPins()
    defer { withExtendedLifetime(pins) {} }
    for table in tables {
      do throws(StoreError) {
        try blobStore(try target.blobs.adopt(table, from: blobs, pins, progress: count))
      } catch  where error.code == .damaged {
        throw StoreError(
          .damaged,
          "\(model)/\(version) was not copied: \(error); tantra validate \(model) \(version) names the tensors")
      }
    }
    let parent: ManifestFolder = records.isCheckpoint(model, version) ? .checkpoints : .models
    try target.records.transaction(model) { (records) throws(StoreError) in
      try records.publish(VersionFolder(manifest), in: parent, switching: .ifNone)
    }
    let check = try target.validation.validate(model, version, progress: progress)
    guard check.isValid else { throw StoreError(.damaged, "the copy in \(path) is damaged:\n\(check.text)") }
    return CopyReport(blobs: tables.count, byteCount: total, leftOut: leftOut)
  }

  /// How each blob that a version needs was hashed.
  private func segmentTables(of manifest: Manifest) throws(StoreError) -> [SegmentTable] {
    var tables: [Digest: SegmentTable] = [:]
    for (digest, _) in manifest.tables {
      let bytes = try blobStore(try blobs.contents(of: digest, limit: 1 << 30))
      tables[digest] = SegmentTable(whole: bytes)
      for pack in try records.table(digest).packs { tables[pack.blob] = pack.segments }
    }
    for file in manifest.files {
      if let blob = file.blob, let digest = file.digest { tables[blob] = SegmentTable(whole: file.byteCount, digest) }
    }
    for file in manifest.weights where file.table == nil {
      tables[file.blob] = try views.segments(ofUnread: file)
    }
    return tables.sorted { $0.key < $1.key }.map(\.value)
  }
}
