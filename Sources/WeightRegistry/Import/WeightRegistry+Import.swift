import BlobStore
import Glibc
import Logging
import PosixIO
import Synchronization
import SystemPackage
import Tensors
import WeightFormats

extension WeightRegistry {
  /// Publishes a weight file as a version, or as another view of a version with the same state dict.
  ///
  /// The file is copied into the store, parsed, hashed in one pass, and becomes a pack as it is. Durable on return; if
  /// this throws or the machine stops, the store presents what it did before; except that a version which is to become active,
  /// and does not pass the validation that its model's policy asks for first, is published and not active.
  @discardableResult
  package func importFile(
    _ request: ImportRequest, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> Manifest {
    try requireWriting()
    let isCheckedFirst =
      request.activating && policies(of: request.model).validatesBeforeActivating
      && activeVersion(of: request.model) != request.version
    var request = request
    if isCheckedFirst { request.activating = false }
    let manifest = try withUploadLock { () throws(RegistryError) in
      try importUnlocked(request, progress: progress)
    }
    if isCheckedFirst { try setActive(request.model, request.version, progress: progress) }
    return manifest
  }

  private func importUnlocked(
    _ request: ImportRequest, progress: @escaping ProgressHandler
  ) throws(RegistryError) -> Manifest {
    for sidecar in request.sidecars {
      guard let why = Manifest.Sidecar.problem(ofPath: sidecar.path) else { continue }
      throw RegistryError(.invalidName, "\(sidecar.source) \(why)")
    }
    let fileName = FilePath(request.source).lastComponent?.string ?? request.source
    let (table, original) = try store(request, fileName: fileName, progress: progress)
    let sidecars = try request.sidecars.map { (file) throws(RegistryError) in try store(file) }
    // What is published under the name is looked at only now: of two imports at once the second adds to the first.
    let manifest = try publishing.withLock { (_: inout sending Void) throws(RegistryError) in
      try publish(original, table, sidecars, as: request, fileName: fileName)
    }
    tell(of: original, manifest, from: fileName)
    return manifest
  }

  /// Writes to the log what was imported.
  func tell(of original: Manifest.Original, _ manifest: Manifest, from fileName: String) {
    let extras =
      original.extras.isEmpty ? "" : "; only in model.\(original.view): \(original.extras.joined(separator: ", "))"
    let what = "\(original.format), \(manifest.tensorCount) tensors\(extras)"
    logger.info("import: \(manifest.model)/\(manifest.version) from \(fileName) (\(what))")
  }

  /// Makes what is stored a version, or a view of the version that is there.
  func publish(
    _ original: Manifest.Original, _ table: Table, _ sidecars: [Manifest.Sidecar], as request: ImportRequest,
    fileName: String
  ) throws(RegistryError) -> Manifest {
    var manifest: Manifest
    if contains(request.model, request.version) {
      let known = try self.manifest(of: request.model, request.version)
      let published = try self.table(known.table)
      try requireSameWeights(table, as: published, in: "\(request.model)/\(request.version)")
      manifest = known
      manifest.tablePacks = published.packs.map(\.blob)
      manifest.originals.removeAll { $0.view == request.view }
      manifest.originals.append(original)
      manifest.viewTimes?[request.view] = nil
      manifest.show("model.\(request.view)")
      manifest.views = sizes(of: manifest, table: published)
    } else {
      manifest = Manifest(
        model: request.model, version: request.version, table: original.table, tablePacks: nil,
        tensorCount: table.stateDict.tensors.count, parameterCount: table.stateDict.parameterCount,
        originals: [original], parts: nil, views: [:], sidecars: [],
        provenance: .init(source: fileName, uid: getuid(), time: Timestamp.now()))
      manifest.views = sizes(of: manifest, table: table)
    }
    for sidecar in sidecars { manifest.put(sidecar) }
    let place =
      self.place(of: request.model, request.version)
      ?? (request.isCheckpoint || request.version.looksLikeCheckpoint ? .checkpoints : .models)
    try publish(manifest, at: place, activating: request.activating)
    return manifest
  }

  /// Copies a weight file into the store, with its table.
  private func store(
    _ request: ImportRequest, fileName: String, progress: @escaping ProgressHandler
  ) throws(RegistryError) -> (Table, Manifest.Original) {
    let source = try posix(try OpenedFile.open(request.source))
    let status = try posix(try source.status())
    let done = Atomic(0)
    let staged = try StagedWeights.copy(
      of: source, fileName: fileName, as: request.view, in: store.blobs
    ) { count in
      progress(.importing, min(done.add(count, ordering: .relaxed).newValue, status.size), status.size)
    }
    return try keep(staged, as: request.view, modified: status.modified, indexing: progress)
  }

  /// Copies a sidecar into the store.
  private func store(_ sidecar: ImportRequest.SidecarFile) throws(RegistryError) -> Manifest.Sidecar {
    let source = try posix(try OpenedFile.open(sidecar.source))
    let status = try posix(try source.status())
    let ingest = try blobStore(try store.blobs.beginIngest())
    let stagedFile = ingest.file
    try posix(try source.copy(to: stagedFile) { _ in })
    do throws(BlobStoreError) {
      let table = try ingest.hash(storages: []).table
      let blob = try ingest.commit(table)
      return Manifest.Sidecar(
        path: sidecar.path, blob: blob, digest: table.segments.first?.digest ?? Table.emptyDigest,
        byteCount: table.byteCount, modified: status.modified)
    } catch {
      throw RegistryError(error)
    }
  }

  /// Size of each view that can hold the weights.
  func sizes(of manifest: Manifest, table: Table) -> [String: Int] {
    var sizes: [String: Int] = [:]
    for view in WeightFormatCatalogue.views {
      if let original = manifest.original(servedAs: view.name) {
        sizes[view.name] = original.byteCount
        continue
      }
      do throws(FormatError) {
        sizes[view.name] = try view.format.layout(of: table.stateDict, checksums: table.checksums).byteCount
      } catch {
        logger.warning("\(manifest.model)/\(manifest.version) has no \(view.fileName): \(error.message)")
      }
    }
    return sizes
  }

  /// - Throws: `differentWeights`, naming the first tensor that differs.
  func requireSameWeights(
    _ new: Table, as published: Table, in subject: String
  ) throws(RegistryError) {
    guard let difference = StateDictDifference.first(published, new) else { return }
    throw RegistryError(
      .differentWeights,
      "\(subject) is published with other weights (\(difference)); "
        + "a published state dict never changes: import this file as a new version")
  }
}
