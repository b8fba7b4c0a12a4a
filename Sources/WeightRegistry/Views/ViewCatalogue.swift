import BlobStore
import PosixIO
package import StoreRecords
import Tensors
import WeightFormats

/// Opens the files of versions: as written, or synthesized. Reads a table at most, never tensor data.
///
/// What was opened last is kept, by its content: whatever its name leads to meanwhile, a content never changes.
package final class ViewCatalogue: Sendable {
  let records: RecordStore
  let cache = ViewCache()

  init(_ records: RecordStore) {
    self.records = records
    records.store.blobs.observeMoves { [cache] _ in cache.removeAll() }
  }

  /// Opens a view of a published version (`pt`).
  ///
  /// - Parameter manifest: what is published, as ``VersionFolder/manifest`` has it; its ordinary files do not matter.
  /// - Throws: `unknownView` if the version has no such view, because the format cannot hold its weights.
  package func open(_ view: String, of manifest: Manifest) throws(StoreError) -> VersionView {
    let subject = "\(manifest.model)/\(manifest.version)"
    guard let main = manifest.main, main.views[view] != nil, let format = WeightFormatCatalogue.view(named: view) else {
      throw StoreError(.unknownView, "\(subject) has no view \"\(view)\"")
    }
    if let original = manifest.original(servedAs: view) { return try open(original) }
    return try cache.view(of: .synthesized(main.table, view)) { () throws(StoreError) in
      defer { FreeMemory.giveBack(afterWorkOn: main.tensorCount) }
      return try synthesize(format, from: try records.table(main.table), known: main.table, of: subject)
    }
  }

  /// Opens a view of a version, as it is now.
  package func open(
    _ view: String, of model: ModelName, _ version: VersionName
  ) throws(StoreError) -> VersionView {
    try withCurrent(model, version) { (manifest) throws(StoreError) in try open(view, of: manifest) }
  }

  /// Opens what a file's content is.
  package func open(_ content: VersionFolder.Content, of folder: VersionFolder) throws(StoreError) -> VersionView {
    switch content {
    case .view(let view):
      guard let manifest = folder.manifest else {
        throw StoreError(.unknownView, "\(folder.model)/\(folder.version) has no view \"\(view)\"")
      }
      return try open(view, of: manifest)
    case .part(let file): return try open(file)
    case .file(let file): return try open(file)
    }
  }

  /// Opens a weight file as it was written.
  package func open(_ file: WeightRecord) throws(StoreError) -> VersionView {
    guard let table = file.table, file.isStitched else {
      let blob = try open(file.blob)
      guard blob.byteCount == file.byteCount else {
        throw StoreError(
          .damaged, "blob \(file.blob) is damaged: it has \(blob.byteCount) bytes, not \(file.byteCount)")
      }
      return VersionView(named([blob], of: file.table)[0], byteCount: file.byteCount)
    }
    return try cache.view(of: .stitched(file.blob, table)) { () throws(StoreError) in try stitch(file, table) }
  }

  /// Opens a file that is no weight file.
  ///
  /// - Throws: `unknownView` for a symbolic link.
  package func open(_ file: FolderFile) throws(StoreError) -> VersionView {
    switch file.content {
    case .blob(let blob, _): return VersionView(try open(blob), byteCount: file.byteCount)
    case .weights(let weights): return try open(weights)
    case .upload(let name): return try open(try records.uploads.open(name))
    case .link:
      throw StoreError(.unknownView, "\(file.path) is a symbolic link, and is not followed")
    }
  }

  /// What an upload reads.
  package func open(_ upload: Upload) throws(StoreError) -> VersionView {
    let bytes = try posix(try LocalBytes(upload.file))
    return VersionView(bytes, byteCount: bytes.byteCount)
  }

  /// Lets go of everything that was opened, so that what is removed frees its space.
  func removeAll() { cache.removeAll() }

  /// Runs `body` with what is published; once more if it finds damage and something else is published meanwhile: a purge may
  /// have moved the bytes.
  func withCurrent<R>(
    _ model: ModelName, _ version: VersionName, _ body: (Manifest) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    func current() throws(StoreError) -> Manifest {
      guard let manifest = try records.published(model, version).manifest else {
        throw records.unknown(version, of: model)
      }
      return manifest
    }
    let manifest = try current()
    do throws(StoreError) {
      return try body(manifest)
    } catch {
      guard case .damaged = error.code else { throw error }
      try records.refresh(now: true)
      let moved = try current()
      if moved == manifest { throw error }
      return try body(moved)
    }
  }

  private func open(_ blob: Digest) throws(StoreError) -> Blob { try blobStore(try records.store.blobs.open(blob)) }

  /// What a view reads of blobs: those that are no plain files name the tensors where they are damaged.
  private func named(_ blobs: [Blob], of table: Digest?) -> [any StoredBytes] {
    blobs.map { blob in
      guard let table, blob.localFile == nil else { return blob }
      return NamedPack(blob, of: table, in: records)
    }
  }

  func synthesize(
    _ view: ViewFormat, from table: Table, known digest: Digest? = nil, of subject: String
  ) throws(StoreError) -> VersionView {
    let layout: FileLayout
    do throws(FormatError) { layout = try view.format.layout(of: table.stateDict, checksums: table.checksums) } catch {
      throw StoreError(error, file: "\(subject)/\(view.fileName)")
    }
    let (packs, origins) = try openPacks(of: table)
    return VersionView(layout: layout, origins: origins, of: named(packs, of: digest))
  }

  /// Puts a written file together from the packs that have its bytes.
  private func stitch(_ file: WeightRecord, _ digest: Digest) throws(StoreError) -> VersionView {
    let table = try records.table(digest)
    guard let stitch = table.stitch, let literals = table.literalRange else {
      throw StoreError(.damaged, "table \(digest) is damaged: it does not say how \(file.path) is made")
    }
    var (packs, origins) = try openPacks(of: table)
    // One origin more than there are storages: that of the literal bytes.
    origins.append(.init(blob: Int32(literals.pack), offset: literals.range.lowerBound))
    var layout = FileLayout()
    var position = 0
    for piece in stitch.pieces {
      layout.append(storage: table.storages.count, offset: position, byteCount: piece.literalByteCount)
      position += piece.literalByteCount
      if let storage = piece.storage {
        layout.append(storage: storage, offset: 0, byteCount: table.stateDict.storageSizes[storage])
      }
    }
    guard layout.byteCount == file.byteCount else {
      throw StoreError(
        .damaged,
        "table \(digest) is damaged: it makes \(layout.byteCount) bytes of \(file.path), not \(file.byteCount)")
    }
    return VersionView(layout: layout, origins: origins, of: named(packs, of: digest))
  }

  /// Opens the packs of a table, and tells where its storages are; nil for empty ones.
  func openPacks(
    of table: Table
  ) throws(StoreError) -> (packs: [Blob], storages: [VersionView.Origin?]) {
    var packs: [Blob] = []
    for pack in table.packs { packs.append(try open(pack.blob)) }
    return (
      packs,
      table.storages.indices.map { index in
        table.location(ofStorage: index).map { .init(blob: Int32($0.pack), offset: $0.range.lowerBound) }
      }
    )
  }
}
