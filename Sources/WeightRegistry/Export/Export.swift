import BlobStore
import PosixIO
package import StoreRecords
import Tensors
import WeightFormats

/// Writes versions as plain files, and to other stores.
package struct Export: Sendable {
  let records: RecordStore
  let views: ViewCatalogue

  /// Writes views of a version, and in a folder its other files too, as plain files.
  ///
  /// All of them are complete, checked and on disk before the first gets its name. If this throws, the target folder holds what
  /// it did before; only when a name is taken or lost to another program at that last moment may some have been moved already.
  ///
  /// Files that the model's policy keeps in quarantine are left out of a folder, and are the last of those returned.
  ///
  /// - Parameter progress: bytes of all files.
  /// - Throws: `alreadyExists`; `unknownView`; `damaged`; `system(ENOSPC)` if the disk is full; `interrupted`.
  package func callAsFunction(
    _ request: ExportRequest, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> [ExportedFile] {
    let (items, withheld) = try views.withCurrent(request.model, request.version) { (_) throws(StoreError) in
      let manifest = try records.manifest(of: request.model, request.version)
      let withheld =
        request.arrangement == .folder ? try views.withheld(of: manifest).filter { !manifest.hides($0.path) } : []
      return (try self.items(of: request, manifest, without: withheld), withheld)
    }
    let folderName = "\(request.model)_\(request.version)"
    let isFolder = request.arrangement == .folder
    let destination = try ExportDestination(
      request.target, making: isFolder ? [folderName] : items.map(\.path), replacing: request.replacing)
    do throws(StoreError) {
      let total = items.map(\.byteCount).reduce(0, &+)
      let count = counting(.exporting, of: total, progress)
      for item in items { try destination.stage(item, progress: count) }
      // Forcing the last file to disk may have taken long.
      guard progress(.exporting, total, total) else { throw StoreError(.interrupted, "stopped") }
      if isFolder {
        try destination.finish(asFolder: folderName, items)
      } else {
        try destination.finish(items)
      }
    } catch {
      destination.discard()
      throw error
    }
    let prefix = (request.target == "." ? "" : request.target + "/") + (isFolder ? folderName + "/" : "")
    return items.map { ExportedFile(path: prefix + $0.path, byteCount: $0.byteCount, view: $0.view) }
      + withheld.map { ExportedFile(path: prefix + $0.path, byteCount: 0, view: nil, leftOut: $0.reason) }
  }

  private func items(
    of request: ExportRequest, _ manifest: Manifest, without withheld: [WithheldFile]
  ) throws(StoreError) -> [ExportItem] {
    let withheld = Set(withheld.map(\.$path))
    var items: [ExportItem] = []
    for view in request.views {
      let name = ProfessionalName(model: request.model, version: request.version, view: view)
      items.append(
        ExportItem(
          path: request.arrangement == .folder ? "model.\(view)" : name.fileName, view: view,
          content: .bytes(try views.open(view, of: manifest)), modified: manifest.modified(ofView: view),
          expected: try expected(of: view, manifest)))
    }
    guard request.arrangement == .folder else { return items }
    for file in manifest.parts where !withheld.contains(file.$path) && !manifest.hides(file.path) {
      items.append(
        ExportItem(
          path: file.path, view: nil, content: .bytes(try views.open(file)), modified: file.modified,
          expected: try expected(of: file)))
    }
    for file in manifest.files where !withheld.contains(file.$path) && !manifest.hides(file.path) {
      let whole = file.digest.map { SegmentTable(whole: file.byteCount, $0).segments } ?? []
      let content: ExportItem.Content = if let link = file.link { .link(link) } else { .bytes(try views.open(file)) }
      items.append(
        ExportItem(
          path: file.path, view: nil, content: content, modified: file.modified, properties: file.properties,
          expected: whole.map { ($0, file.path) }))
    }
    return items
  }

  /// What the tensors of a view must be, and of a written file everything between them too.
  private func expected(of view: String, _ manifest: Manifest) throws(StoreError) -> [ExportItem.Expectation] {
    if let original = manifest.original(servedAs: view) { return try expected(of: original) }
    guard let table = manifest.main?.table else { return [] }
    return try expected(in: try views.open(view, of: manifest), "model.\(view)", try records.table(table))
  }

  /// What a written file must be.
  private func expected(of file: WeightRecord) throws(StoreError) -> [ExportItem.Expectation] {
    guard let digest = file.table else {
      return try views.segments(ofUnread: file).segments.map { ($0, file.path) }
    }
    let table = try records.table(digest)
    if file.isStitched { return try expected(in: try views.open(file), file.path, table) }
    guard let pack = table.packs.firstIndex(where: { $0.blob == file.blob }) else { return [] }
    return table.packs[pack].segments.segments.map { ($0, table.contents(ofPack: pack, in: $0.range)) }
  }

  /// What the tensors must be of a file that is put together.
  private func expected(
    in content: VersionView, _ name: String, _ table: Table
  ) throws(StoreError) -> [ExportItem.Expectation] {
    let file = try parsing(name, try WeightFormatCatalogue.parse(content)).file
    let indices = table.tensorIndices
    return file.stateDict.tensors.compactMap { tensor in
      guard tensor.byteCount > 0, case .range(let offset, _) = file.storages[tensor.storage],
        let index = indices[ByteString(tensor.name)]
      else { return nil }
      let segment = SegmentTable.Segment(
        offset: offset + tensor.byteOffset, byteCount: tensor.byteCount, digest: table.digest(ofTensor: index))
      return (segment, "tensor \"\(tensor.name)\"")
    }
  }
}
