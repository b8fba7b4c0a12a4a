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
  /// Whether somebody may have the file itself open for writing, or mapped: it is frozen then when it becomes a blob.
  package let isShared: Bool

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
  ///
  /// - Parameter sharing: whether the file is to be handed to others; it is if it can be frozen.
  package func beginUpload(sharing: Bool = false) throws(RegistryError) -> Upload {
    try requireWriting()
    let staging = try store.stagingForWriting
    let name = Self.newUploadName()
    return Upload(
      name: name, file: try posix(try staging.makeFile(name, exclusively: true)),
      isShared: sharing ? try uploads.canFreeze(store.blobs) : false)
  }

  /// Opens a kept upload for reading.
  package func upload(named name: String) throws(RegistryError) -> Upload {
    let staging = try store.stagingForWriting
    let file = try posix(try staging.file(name))
    return Upload(name: name, file: file, isShared: try uploads.canFreeze(store.blobs) && file.hasWriters)
  }

  /// Removes an upload that no draft names; who has it open keeps it. A frozen one goes when nobody can write to it any more.
  package func discardUpload(named name: String) throws(RegistryError) {
    if drafts.uploads.contains(name) { return }
    try posix(try uploads.remove(name, from: store.blobs))
  }

  /// Lets go of frozen uploads that nobody can write to any more; waits a little for those that are just being closed.
  package func settleUploads() { uploads.settle() }

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
      let ingest = try blobStore(try store.blobs.beginIngest(takingOver: upload))
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
    return Upload(name: name, file: try blobStore(try store.blobs.stage(sidecar.blob, as: name)), isShared: false)
  }
}

extension BlobStore {
  /// Makes an upload a blob in the making.
  func beginIngest(takingOver upload: Upload) throws(BlobStoreError) -> Ingest {
    try beginIngest(takingOver: upload.name, upload.file, isShared: upload.isShared)
  }
}
