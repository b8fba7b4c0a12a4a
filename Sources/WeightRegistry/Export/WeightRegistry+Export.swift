import PosixIO
import SystemPackage
import WeightFormats

extension WeightRegistry {
  /// Writes views of a version, and in a folder its sidecars too, as plain files.
  ///
  /// All of them are complete and on disk before the first gets its name. If this throws, the target folder holds what it
  /// did before; only when a name is taken or lost to another program at that last moment may some have been moved already.
  ///
  /// - Parameter progress: bytes of all files.
  /// - Throws: `alreadyExists`; `unknownView`; `system(ENOSPC)` if the disk is full; `interrupted`.
  package func export(
    _ request: ExportRequest, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> [ExportedFile] {
    let items = try items(of: request)
    let folderName = "\(request.model)_\(request.version)"
    let isFolder = request.arrangement == .folder
    let destination = try ExportDestination(
      request.target, making: isFolder ? [folderName] : items.map(\.path), replacing: request.replacing)
    do throws(RegistryError) {
      let total = items.map(\.content.byteCount).reduce(0, +)
      var done = 0
      for item in items {
        try destination.stage(item) { bytes throws(PosixError) in
          done += bytes
          guard progress(.exporting, done, total) else {
            throw PosixError(.interrupted, call: "export", path: item.path)
          }
        }
      }
      // Forcing the last file to disk may have taken long.
      guard progress(.exporting, done, total) else { throw RegistryError(.interrupted, "stopped") }
      if isFolder {
        try destination.publish(asFolder: folderName, items)
      } else {
        try destination.publish(items)
      }
    } catch {
      destination.discard()
      throw error
    }
    let prefix = (request.target == "." ? "" : request.target + "/") + (isFolder ? folderName + "/" : "")
    return items.map { ExportedFile(path: prefix + $0.path, byteCount: $0.content.byteCount, view: $0.view) }
  }

  private func items(of request: ExportRequest) throws(RegistryError) -> [ExportItem] {
    let manifest = try manifest(of: request.model, request.version)
    var items: [ExportItem] = []
    for view in request.views {
      let name = ProfessionalName(model: request.model, version: request.version, view: view)
      items.append(
        ExportItem(
          path: request.arrangement == .folder ? "model.\(view)" : name.fileName, view: view,
          content: try self.view(view, of: request.model, request.version),
          modified: manifest.original(servedAs: view)?.modified ?? manifest.published))
    }
    guard request.arrangement == .folder else { return items }
    for sidecar in manifest.sidecars {
      items.append(
        ExportItem(
          path: sidecar.path, view: nil, content: try self.sidecar(sidecar.path, of: request.model, request.version),
          modified: sidecar.modified))
    }
    return items
  }
}
