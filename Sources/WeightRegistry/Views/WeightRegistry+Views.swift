import BlobStore
package import PosixIO
package import Tensors
import WeightFormats

extension WeightRegistry {
  /// Opens a view of a version (`pt`) for reading: as written, or synthesized. Reads a table at most, never tensor data.
  ///
  /// - Throws: `unknownView` if the version has no such view, because the format cannot hold its weights.
  package func view(
    _ view: String, of model: ModelName, _ version: VersionName
  ) throws(RegistryError) -> VersionView {
    let manifest = try manifest(of: model, version)
    do throws(RegistryError) {
      return try open(view, of: manifest)
    } catch {
      // Compaction may have moved the bytes since the manifest was read.
      guard case .damaged = error.code, let moved = try successor(of: manifest) else { throw error }
      return try open(view, of: moved)
    }
  }

  private func open(_ view: String, of manifest: Manifest) throws(RegistryError) -> VersionView {
    let (model, version) = (manifest.model, manifest.version)
    guard manifest.views[view] != nil, let format = WeightFormatCatalogue.view(named: view) else {
      throw RegistryError(.unknownView, "\(model)/\(version) has no view \"\(view)\"")
    }
    let key = ViewCache.Key(model: model, version: version, view: view)
    if let cached = viewCache[key] { return cached }
    let opened: VersionView
    if let original = manifest.original(servedAs: view) {
      opened = try open(original)
    } else {
      opened = try synthesize(format, from: try table(manifest.table), of: "\(model)/\(version)")
    }
    viewCache.insert(opened, for: key)
    return opened
  }

  /// Opens a file that travels with a version.
  package func sidecar(
    _ path: String, of model: ModelName, _ version: VersionName
  ) throws(RegistryError) -> VersionView {
    guard let sidecar = try manifest(of: model, version).sidecars.first(where: { $0.path == path }) else {
      throw RegistryError(.unknownView, "\(model)/\(version) has no file \(path)")
    }
    return VersionView(blob: try openBlob(sidecar.blob), byteCount: sidecar.byteCount)
  }

  /// Opens a weight file as it was written.
  package func view(of original: Manifest.Original) throws(RegistryError) -> VersionView { try open(original) }

  private func open(_ original: Manifest.Original) throws(RegistryError) -> VersionView {
    if original.isStitched { return try stitch(original) }
    let file = try openBlob(original.blob)
    let size = try posix(try file.status().size)
    guard size == original.byteCount else {
      throw RegistryError(
        .damaged, "blob \(original.blob) is damaged: it has \(size) bytes, not \(original.byteCount)")
    }
    return VersionView(blob: file, byteCount: original.byteCount)
  }

  func synthesize(_ view: ViewFormat, from table: Table, of subject: String) throws(RegistryError) -> VersionView {
    let layout: FileLayout
    do throws(FormatError) {
      layout = try view.format.layout(of: table.stateDict, checksums: table.checksums)
    } catch {
      throw RegistryError(error, file: "\(subject)/\(view.fileName)")
    }
    return VersionView(layout: layout, places: try openPacks(of: table).storages)
  }

  /// Puts a written file together from the packs that have its bytes.
  private func stitch(_ original: Manifest.Original) throws(RegistryError) -> VersionView {
    let table = try table(original.table)
    guard let stitch = table.stitch, let literals = table.literalRange else {
      throw RegistryError(
        .damaged, "table \(original.table) is damaged: it does not say how model.\(original.view) is made")
    }
    var (packs, places) = try openPacks(of: table)
    // One place more than there are storages: that of the literal bytes.
    places.append(.init(file: packs[literals.pack], offset: literals.range.lowerBound))
    var layout = FileLayout()
    var position = 0
    for piece in stitch.pieces {
      layout.append(storage: table.storages.count, offset: position, byteCount: piece.literalByteCount)
      position += piece.literalByteCount
      if let storage = piece.storage {
        layout.append(storage: storage, offset: 0, byteCount: table.stateDict.storageSizes[storage])
      }
    }
    guard layout.byteCount == original.byteCount else {
      throw RegistryError(
        .damaged,
        "table \(original.table) is damaged: it makes \(layout.byteCount) bytes of model.\(original.view), not "
          + "\(original.byteCount)")
    }
    return VersionView(layout: layout, places: places)
  }

  /// Opens the packs of a table, and tells where its storages are; nil for empty ones.
  private func openPacks(
    of table: Table
  ) throws(RegistryError) -> (packs: [OpenedFile], storages: [VersionView.StoragePlace?]) {
    var packs: [OpenedFile] = []
    for pack in table.packs { packs.append(try openBlob(pack.blob)) }
    return (
      packs,
      table.storages.indices.map { index in
        table.place(ofStorage: index).map { .init(file: packs[$0.pack], offset: $0.range.lowerBound) }
      }
    )
  }

  /// Opens a blob, with the registry's error if it cannot.
  package func openBlob(_ blob: Digest) throws(RegistryError) -> OpenedFile {
    do throws(BlobStoreError) { return try store.blobs.open(blob) } catch { throw RegistryError(error) }
  }
}
