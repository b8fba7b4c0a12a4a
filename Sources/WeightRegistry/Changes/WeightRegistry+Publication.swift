import Dispatch
import Logging
import PosixIO
import Synchronization

extension WeightRegistry {
  /// Publishes a manifest: writes it durably, then makes it visible. The first version of a model becomes active.
  ///
  /// Called with ``publishing`` or the record lock held.
  func publish(_ manifest: Manifest, at place: Place, activating: Bool) throws(RegistryError) {
    try requireWriting()
    try writing.withLock { (_: inout sending Void) throws(RegistryError) in
      try changingRecords(of: manifest.model) { () throws(RegistryError) in
        try write(manifest, at: place, activating: activating)
      }
    }
    viewCache.removeAll(of: manifest.model, manifest.version)
    announce(.published(manifest))
  }

  private func write(_ manifest: Manifest, at place: Place, activating: Bool) throws(RegistryError) {
    // What is on disk is listed before it changes.
    _ = try listing(of: manifest.model)
    let bytes = try StoreCoding.encode(manifest, pretty: true)
    let folder = try folder(place)
    let staging = try store.stagingForWriting
    let record = record(of: manifest.model)
    let isSwitch = activating && activeVersion(of: manifest.model) != manifest.version || record.active == nil
    let change =
      isSwitch ? nextSwitch(of: manifest.model, to: manifest.version, by: .current, isRollback: false) : nil
    if let change { try writeDown(change, of: manifest.model) }
    if change != record.pending { try writeConfig { $0.models[manifest.model, default: .init()].pending = change } }
    try posix(
      try folder.makeFolder(manifest.model.text)
        .replace(manifest.version.text + ".json", with: bytes, staging: staging))
    state.withLock { state in
      state.listings.set(manifest.version, of: manifest.model, to: place)
      state.manifests[ManifestKey(model: manifest.model, version: manifest.version)] = manifest
      state.config.settle(manifest.model)
      state.noteChange(of: manifest.model)
    }
    guard let change else { return }
    logger.info("active: \(manifest.model) \(change.from.map { "\($0) -> " } ?? "")\(change.to)")
    do throws(RegistryError) {
      try writeConfig { _ in }
    } catch {
      logger.warning("weight_config.json is not up to date, which does no harm: \(error)")
    }
  }

  /// Runs a step that changes manifests of a model on disk. If it fails they may have changed or not, so that they are read again:
  /// what is collected must be what the disk does not name.
  private func changingRecords(of model: ModelName, _ body: () throws(RegistryError) -> Void) throws(RegistryError) {
    do throws(RegistryError) {
      try body()
    } catch {
      state.withLock { $0.forget(model) }
      throw error
    }
  }

  /// Lets one at a time change which records there are; imports, which add to them, keep each other company.
  func withRecordLock<R>(_ body: () throws(RegistryError) -> R) throws(RegistryError) -> R {
    try records.sync(flags: .barrier) { () -> Result<R, RegistryError> in
      do throws(RegistryError) { return .success(try body()) } catch { return .failure(error) }
    }.get()
  }

  /// Keeps blobs that no manifest names yet from being collected while `body` runs.
  func withUploadLock<R>(_ body: () throws(RegistryError) -> R) throws(RegistryError) -> R {
    try records.sync { () -> Result<R, RegistryError> in
      do throws(RegistryError) { return .success(try body()) } catch { return .failure(error) }
    }.get()
  }

  /// Calls `observer` after every change of the tree, on the thread that made it.
  package func observe(_ observer: @escaping @Sendable (RegistryChange) -> Void) {
    observers.withLock { $0.append(observer) }
  }

  private func announce(_ change: RegistryChange) {
    for observer in observers.withLock({ $0 }) { observer(change) }
  }

  /// Exchanges the manifest of a version for one of the same content, durably: what it names has moved.
  func replace(_ manifest: Manifest) throws(RegistryError) {
    guard let place = place(of: manifest.model, manifest.version) else { return }
    let bytes = try StoreCoding.encode(manifest, pretty: true)
    let staging = try store.stagingForWriting
    let parent = try folder(place)
    try changingRecords(of: manifest.model) { () throws(RegistryError) in
      let folder = try posix(try parent.folder(manifest.model.text))
      try posix(try folder.replace(manifest.version.text + ".json", with: bytes, staging: staging))
    }
    state.withLock { state in
      state.manifests[ManifestKey(model: manifest.model, version: manifest.version)] = manifest
      state.noteChange(of: manifest.model)
    }
    viewCache.removeAll(of: manifest.model, manifest.version)
    announce(.published(manifest))
  }

  /// Takes a version out of the tree, durably.
  func unpublish(_ manifest: Manifest) throws(RegistryError) {
    guard let place = place(of: manifest.model, manifest.version) else { return }
    let parent = try folder(place)
    try changingRecords(of: manifest.model) { () throws(RegistryError) in
      let folder = try posix(try parent.folder(manifest.model.text))
      try posix(try folder.removeFile(manifest.version.text + ".json"))
      try posix(try folder.synchronize())
    }
    state.withLock { state in
      state.listings.set(manifest.version, of: manifest.model, to: nil)
      state.manifests[ManifestKey(model: manifest.model, version: manifest.version)] = nil
      state.noteChange(of: manifest.model)
    }
    viewCache.removeAll(of: manifest.model, manifest.version)
    announce(.removed(manifest))
  }
}
