import BlobStore
import PosixIO
import Tensors
import WeightFormats

extension WeightRegistry {
  /// Opens a view of a version (`pt`) for reading: as written, or synthesized. Reads a table at most, never tensor data.
  ///
  /// - Throws: `unknownView` if the version has no such view, because the format cannot hold its weights.
  package func view(
    _ view: String, of model: ModelName, _ version: VersionName
  ) throws(RegistryError) -> VersionView {
    let manifest = try manifest(of: model, version)
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

  private func open(_ original: Manifest.Original) throws(RegistryError) -> VersionView {
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
    var packs: [OpenedFile] = []
    for pack in table.packs { packs.append(try openBlob(pack.blob)) }
    let places = table.storages.indices.map { index in
      table.place(ofStorage: index).map { place in
        VersionView.StoragePlace(file: packs[place.pack], offset: place.range.lowerBound)
      }
    }
    return VersionView(layout: layout, places: places)
  }

  /// Opens a blob, with the registry's error if it cannot.
  func openBlob(_ blob: Digest) throws(RegistryError) -> OpenedFile {
    do throws(BlobStoreError) { return try store.blobs.open(blob) } catch { throw RegistryError(error) }
  }
}
