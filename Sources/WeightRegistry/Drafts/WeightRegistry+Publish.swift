import BlobStore
import Glibc
import Logging
import PosixIO
import Synchronization
import Tensors
import WeightFormats

extension WeightRegistry {
  /// Makes an upload, which nobody writes to any more, a view of a version, as ``importFile(_:progress:)`` does with a file
  /// elsewhere, but without a copy. What the version's draft holds becomes part of it.
  ///
  /// The upload goes, unless a draft names it. If this throws, it is still there.
  @discardableResult
  package func publish(
    _ upload: Upload, named fileName: String, as view: String, of model: ModelName, _ version: VersionName,
    modified: Int64, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> Manifest {
    try requireWriting()
    return try withUploadLock { () throws(RegistryError) in
      let size = try posix(try upload.file.status().size)
      let done = Atomic(0)
      let ingest = try blobStore(try store.blobs.beginIngest(takingOver: upload))
      let staged = try StagedWeights.upload(ingest, fileName: fileName, as: view, in: store.blobs) { count in
        progress(.importing, min(done.add(count, ordering: .relaxed).newValue, size), size)
      }
      let (table, original) = try keep(staged, as: view, modified: modified)
      let request = ImportRequest(model: model, version: version, source: fileName, view: view)
      let manifest = try publishing.withLock { (_: inout sending Void) throws(RegistryError) in
        let sidecars = draft(of: model, version)?.files.compactMap(\.sidecar) ?? []
        return try publish(original, table, sidecars, as: request, fileName: fileName)
      }
      try settleDraft(manifest)
      try discardUpload(named: upload.name)
      tell(of: original, manifest, from: fileName)
      return manifest
    }
  }

  /// Gives a version the bytes that a view of another version has, by its records alone.
  ///
  /// - Returns: false if that takes a copy of the bytes.
  /// - Throws: `differentWeights`; `unacceptable` if the two names are not of one format.
  package func clone(
    _ view: String, of source: Manifest, as newView: String, of model: ModelName, _ version: VersionName,
    modified: Int64?
  ) throws(RegistryError) -> Bool {
    try requireWriting()
    let names = [view, newView].map { WeightFormatCatalogue.view(named: $0)?.format.name }
    guard let format = names[0], format == names[1] else {
      throw RegistryError(
        .unacceptable(.unsupported),
        "model.\(view) has the bytes of \(names[0] ?? view), which cannot be model.\(newView)")
    }
    return try withUploadLock { () throws(RegistryError) in
      try publishing.withLock { (_: inout sending Void) throws(RegistryError) in
        try cloneUnlocked(view, of: source, as: newView, of: model, version, modified: modified)
      }
    }
  }

  private func cloneUnlocked(
    _ view: String, of source: Manifest, as newView: String, of model: ModelName, _ version: VersionName,
    modified: Int64?
  ) throws(RegistryError) -> Bool {
    var original = source.original(servedAs: view)
    original?.view = newView
    if let modified { original?.modified = modified }
    var manifest: Manifest
    if contains(model, version) {
      manifest = try self.manifest(of: model, version)
      if manifest.views[newView] == nil || manifest.content(of: newView) != source.content(of: view) {
        let published = try table(manifest.table)
        let theirs = original?.table ?? source.table
        if theirs != manifest.table {
          try requireSameWeights(try table(theirs), as: published, in: "\(model)/\(version)")
        }
        guard let original else { return false }
        manifest.tablePacks = published.packs.map(\.blob)
        manifest.originals.removeAll { $0.view == newView }
        manifest.originals.append(original)
        manifest.views = sizes(of: manifest, table: published)
      }
    } else {
      let table = try table(source.table)
      manifest = Manifest(
        model: model, version: version, table: source.table, tablePacks: table.packs.map(\.blob),
        tensorCount: source.tensorCount,
        parameterCount: source.parameterCount, originals: original.map { [$0] } ?? [], parts: nil, views: [:],
        sidecars: draft(of: model, version)?.files.compactMap(\.sidecar) ?? [],
        provenance: .init(
          source: "\(source.model)/\(source.version)/model.\(view)", uid: getuid(), time: Timestamp.now()))
      manifest.sidecars.sort { $0.path < $1.path }
      manifest.views = sizes(of: manifest, table: table)
    }
    manifest.show("model.\(newView)")
    if let modified { manifest.setModified(modified, ofView: newView) }
    let place = self.place(of: model, version) ?? (version.looksLikeCheckpoint ? .checkpoints : .models)
    try publish(manifest, at: place, activating: false)
    try settleDraft(manifest)
    logger.info("copy: \(model)/\(version)/model.\(newView) of \(source.model)/\(source.version), without data")
    return true
  }
}
