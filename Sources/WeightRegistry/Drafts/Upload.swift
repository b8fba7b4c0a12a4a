import BlobStore
package import PosixIO
import Synchronization
import SystemPackage

/// A file that somebody writes: in the staging folder, under a name of its own. Swept when the store is next opened, unless
/// a draft names it.
package struct Upload: Sendable {
  /// Name in the staging folder.
  package let name: String
  /// Open for reading and writing, unless it came from a blob.
  package let file: OpenedFile

  /// Tells uploads apart, after a restart too.
  package static func number(ofName name: String) -> UInt64 {
    UInt64(name.drop { $0 != "." }.dropFirst(), radix: 16) ?? 0
  }
}

extension WeightRegistry {
  private static func newUploadName() -> String {
    "upload." + String(UInt64.random(in: .min ... .max), radix: 16)
  }

  /// Starts an empty file.
  package func beginUpload() throws(RegistryError) -> Upload {
    try requireWriting()
    let staging = try store.stagingForWriting
    let name = Self.newUploadName()
    return Upload(name: name, file: try posix(try staging.makeFile(name, exclusively: true)))
  }

  /// Opens a kept upload for reading.
  package func upload(named name: String) throws(RegistryError) -> Upload {
    let staging = try store.stagingForWriting
    return Upload(name: name, file: try posix(try staging.file(name)))
  }

  /// Removes an upload that no draft names; who has it open keeps it.
  package func discardUpload(named name: String) throws(RegistryError) {
    if drafts.uploads.contains(name) { return }
    let staging = try store.stagingForWriting
    try posix(try staging.removeFile(name))
  }

  /// What a view of a kept upload reads.
  package func view(of upload: Upload) throws(RegistryError) -> VersionView {
    VersionView(blob: upload.file, byteCount: try posix(try upload.file.status().size))
  }

  /// What a file that is a blob reads, whichever version or draft it is of.
  package func view(of sidecar: Manifest.Sidecar) throws(RegistryError) -> VersionView {
    VersionView(blob: try openBlob(sidecar.blob), byteCount: sidecar.byteCount)
  }

  /// Makes an upload a blob, durably, and that a file of a version: of its manifest, or of its draft. The upload goes, unless a
  /// draft names it.
  @discardableResult
  package func keepSidecar(
    _ upload: Upload, at path: String, of model: ModelName, _ version: VersionName, modified: Int64,
    isInterrupted: @escaping @Sendable () -> Bool = { false }
  ) throws(RegistryError) -> Manifest.Sidecar {
    try withUploadLock { () throws(RegistryError) in
      let ingest = try blobStore(try store.blobs.beginIngest(takingOver: upload.name, upload.file))
      let sidecar: Manifest.Sidecar
      do throws(BlobStoreError) {
        let table = try ingest.hash(storages: [], progress: { _ in !isInterrupted() }).table
        try ingest.settle { _ in !isInterrupted() }
        let blob = try ingest.commit(table)
        sidecar = Manifest.Sidecar(
          path: path, blob: blob, digest: table.segments.first?.digest ?? Table.emptyDigest,
          byteCount: table.byteCount, modified: modified)
      } catch {
        throw RegistryError(error)
      }
      try putUnlocked(sidecar, in: model, version)
      try discardUpload(named: upload.name)
      return sidecar
    }
  }

  /// Makes a blob that another version or draft has a file of this one.
  package func put(
    _ sidecar: Manifest.Sidecar, in model: ModelName, _ version: VersionName
  ) throws(RegistryError) {
    try withUploadLock { () throws(RegistryError) in try putUnlocked(sidecar, in: model, version) }
  }

  private func putUnlocked(
    _ sidecar: Manifest.Sidecar, in model: ModelName, _ version: VersionName
  ) throws(RegistryError) {
    try publishing.withLock { (_: inout sending Void) throws(RegistryError) in
      if contains(model, version) {
        try changePublished(model, version) { $0.put(sidecar) }
        if draft(of: model, version)?[sidecar.path] != nil {
          try changeDraft(model, version) { $0.remove(sidecar.path) }
        }
      } else {
        try changeDraft(model, version) { $0.put(Draft.File(sidecar)) }
      }
    }
  }

  /// Changes what a manifest says of files, durably.
  package func changeManifest(
    _ model: ModelName, _ version: VersionName, _ change: (inout Manifest) -> Void
  ) throws(RegistryError) {
    try withUploadLock { () throws(RegistryError) in
      try publishing.withLock { (_: inout sending Void) throws(RegistryError) in
        try changePublished(model, version, change)
      }
    }
  }

  private func changePublished(
    _ model: ModelName, _ version: VersionName, _ change: (inout Manifest) -> Void
  ) throws(RegistryError) {
    var manifest = try manifest(of: model, version)
    let before = manifest
    change(&manifest)
    // Not a publication, which makes a version active if none is.
    if manifest != before { try replace(manifest) }
  }

  /// A second name of a blob, as an upload.
  package func upload(of sidecar: Manifest.Sidecar) throws(RegistryError) -> Upload {
    let name = Self.newUploadName()
    return Upload(name: name, file: try blobStore(try store.blobs.stage(sidecar.blob, as: name)))
  }
}
