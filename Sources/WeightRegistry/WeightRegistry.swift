import BlobStore
import Dispatch
import Glibc
package import Logging
package import PosixIO
import Synchronization
package import Tensors

/// A change of the tree that somebody may have to be told of.
package enum RegistryChange: Sendable, Hashable {
  /// A version has come, or some of its files have.
  case published(Manifest)
  case removed(Manifest)
}

/// The models of a store, their versions and which of them is active.
///
/// Opening it lists folders and reads `weight_config.json`; manifests and tables are read when somebody asks for them and
/// kept for a while. Safe from several threads: the lock guards values only, and writers of records take turns on `writing`.
package final class WeightRegistry: Sendable {
  /// What a registry is opened for.
  package enum Access: Sendable {
    /// Looks, changes nothing, takes no lock.
    case reading
    /// Takes the store's lock and makes missing folders; `mountpoint` goes into the lock file.
    case writing(mountpoint: String? = nil)
  }

  package let store: StoreFolder
  package let logger: Logger
  /// Checks that only other layers can make (shapes against a configuration); run by `validate`.
  package let checkers: [any VersionChecker]
  private let lock: FileLock?
  private let state: Mutex<State>
  /// Held, before `state`, by whoever changes records on disk.
  let writing = Mutex<Void>(())
  /// Held, before `draftState`, by whoever changes the record of drafts; after `publishing`.
  let draftWriting = Mutex<Void>(())
  let draftState: Mutex<DraftRecord>
  /// Held, before `writing`, by an import from looking at what is published under its name until it is published itself.
  let publishing = Mutex<Void>(())
  let viewCache = ViewCache()
  let uploads = StagedUploads()
  /// Imports share it; whoever removes records or collects blobs has it alone. Taken before `writing`.
  private let records = DispatchQueue(label: "tantra.records", attributes: .concurrent)
  private let observers = Mutex<[@Sendable (RegistryChange) -> Void]>([])
  /// SHA-256 of whole views that validation has computed, by what they depend on.
  private let viewSums = Mutex<[ViewSumKey: Digest]>([:])
  let index: StoreIndex
  private let freshness: Freshness?

  struct State: Sendable {
    var config: WeightConfig
    var versions: [ModelName: [VersionName: Place]]
    var manifests: [ManifestKey: Manifest] = [:]
    /// Rises with every change, so that what is derived can tell whether it is stale.
    var generation: UInt64 = 0
  }

  /// In which folder a version's manifest lies.
  enum Place: Sendable { case models, checkpoints }

  private struct ViewSumKey: Hashable, Sendable {
    var content: Digest
    var view: String
  }

  struct ManifestKey: Hashable, Sendable {
    var model: ModelName
    var version: VersionName
  }

  private static let manifestLimit = 16 << 20
  private static let cachedManifests = 4096

  package init(
    storePath: String, access: Access, logger: Logger, checkers: [any VersionChecker] = []
  ) throws(RegistryError) {
    self.logger = logger
    self.checkers = checkers
    switch access {
    case .reading:
      store = try StoreFolder(path: storePath, creating: false)
      lock = nil
      freshness = Freshness()
    case .writing(let mountpoint):
      store = try StoreFolder(path: storePath, creating: true)
      freshness = nil
      lock = try store.lock(LockHolder(pid: getpid(), uid: getuid(), mountpoint: mountpoint).record)
    }
    index = StoreIndex(store: store, isWritable: lock != nil, logger: logger)
    draftState = Mutex(lock == nil ? DraftRecord() : try store.drafts())
    // Looked at before the records are read: a change in between is seen by the next look.
    _ = freshness?.hasChanged(store)
    state = Mutex(try Self.load(store))
    // What a process that ended too early was about to make active must not become so with a later version of that name.
    if lock != nil, state.withLock({ $0.config.models.values.contains { $0.pending != nil } }) {
      try changeConfig { config in
        for model in config.models.keys { config.models[model]?.pending = nil }
      }
    }
  }

  // MARK: Reading

  private static func load(_ store: StoreFolder) throws(RegistryError) -> State {
    var config = WeightConfig()
    if try posix(try store.root.status(of: StoreFolder.configName)) != nil {
      let bytes = try posix(try store.root.contents(of: StoreFolder.configName, limit: 64 << 20))
      do throws(RegistryError) {
        config = try decodeConfig(bytes)
      } catch  where error.code == .damaged {
        throw RegistryError(
          .damaged,
          "\(error); put an earlier \(store.path)/\(StoreFolder.configName) in its place, or remove it and choose the active "
            + "versions again with tantra set-active: no weights are lost with it")
      }
    }
    var versions: [ModelName: [VersionName: Place]] = [:]
    do throws(PosixError) {
      for (folder, place) in [(store.models, Place.models), (store.checkpoints, .checkpoints)] {
        guard let folder else { continue }
        for name in try folder.names() {
          guard let model = ModelName(name) else { continue }
          for file in try folder.folder(name).names() where file.hasSuffix(".json") {
            if let version = VersionName(file.dropLast(5)) { versions[model, default: [:]][version] = place }
          }
        }
      }
    } catch {
      throw RegistryError(error)
    }
    config.settle { versions[$0]?[$1] != nil }
    return State(config: config, versions: versions)
  }

  private static func decodeConfig(_ bytes: [UInt8]) throws(RegistryError) -> WeightConfig {
    let header = try StoreCoding.decode(StoreUpgrade.Header.self, from: bytes, what: StoreFolder.configName)
    let format = header.format
    if header.upgradingFrom != nil {
      throw RegistryError(
        .olderFormat,
        "an upgrade of the store to format \(format) was interrupted: finish it with tantra upgrade-store, or take it back "
          + "with tantra upgrade-store --rollback")
    }
    guard format >= WeightConfig.currentFormat else {
      throw RegistryError(
        .olderFormat,
        "the store has format \(format), and this Tantra needs format \(WeightConfig.currentFormat): run "
          + "tantra upgrade-store, which can be taken back")
    }
    guard format <= WeightConfig.currentFormat else {
      throw RegistryError(
        .newerFormat,
        "the store has format \(format), and this Tantra knows formats up to \(WeightConfig.currentFormat); use a newer Tantra"
      )
    }
    return try StoreCoding.decode(WeightConfig.self, from: bytes, what: StoreFolder.configName)
  }

  /// Whether another process may change the store meanwhile.
  package var isReader: Bool { freshness != nil }

  /// Takes over what another process has changed since; for a registry that was opened for reading. Looks at the disk at
  /// most once in a while.
  ///
  /// - Parameter now: whether to take over everything, whatever was looked at before.
  package func refresh(now: Bool = false) throws(RegistryError) {
    guard let freshness, freshness.hasChanged(store) || now else { return }
    var fresh = try Self.load(store)
    state.withLock { state in
      fresh.generation = state.generation + 1
      state = fresh
    }
    viewCache.removeAll()
  }

  /// Rises with every change of models, versions or what is active.
  package var generation: UInt64 { state.withLock { $0.generation } }

  /// All models that have a version, in order.
  package var models: [ModelName] { state.withLock { Array($0.versions.keys) }.sorted() }

  /// Whether there is a version at all.
  package func contains(_ model: ModelName) -> Bool { state.withLock { $0.versions[model] != nil } }

  package func contains(_ model: ModelName, _ version: VersionName) -> Bool {
    state.withLock { $0.versions[model]?[version] != nil }
  }

  /// The versions of a model, in natural order.
  package func versions(of model: ModelName) throws(RegistryError) -> [VersionName] {
    guard let versions = state.withLock({ $0.versions[model].map { Array($0.keys) } }) else {
      throw unknown(model)
    }
    return versions.sorted()
  }

  /// The version that the model's users get; nil if none is.
  package func activeVersion(of model: ModelName) -> VersionName? {
    state.withLock { state in
      state.config.models[model]?.active.flatMap { state.versions[model]?[$0] != nil ? $0 : nil }
    }
  }

  /// How a model's active version came about, oldest switch first.
  package func history(of model: ModelName) throws(RegistryError) -> [ActiveSwitch] {
    guard contains(model) else { throw unknown(model) }
    return state.withLock { $0.config.models[model]?.history ?? [] }
  }

  /// The model's other symbolic links.
  package func aliases(of model: ModelName) -> [VersionName: VersionName] {
    state.withLock { $0.config.models[model]?.aliases ?? [:] }
  }

  /// What is decided about a model.
  func record(of model: ModelName) -> WeightConfig.Model { state.withLock { $0.config.models[model] } ?? .init() }

  /// `weight_config.json` as it stands.
  package func configuration() throws(RegistryError) -> [UInt8] {
    try StoreCoding.encode(state.withLock { $0.config }, pretty: true)
  }

  /// Whether the version is a training checkpoint.
  package func isCheckpoint(_ model: ModelName, _ version: VersionName) -> Bool {
    place(of: model, version) == .checkpoints
  }

  /// The manifest of a version.
  package func manifest(of model: ModelName, _ version: VersionName) throws(RegistryError) -> Manifest {
    let key = ManifestKey(model: model, version: version)
    let (cached, place) = state.withLock { ($0.manifests[key], $0.versions[model]?[version]) }
    if let cached { return cached }
    guard let place else { throw contains(model) ? unknown(version, of: model) : unknown(model) }
    let folder = try folder(place)
    let bytes = try posix(
      try folder.folder(model.text).contents(of: version.text + ".json", limit: Self.manifestLimit))
    let manifest = try StoreCoding.decode(Manifest.self, from: bytes, what: "the manifest of \(model)/\(version)")
    try manifest.checkConsistency()
    guard manifest.model == model, manifest.version == version else {
      throw RegistryError(
        .damaged,
        "the manifest of \(model)/\(version) is damaged: it says it is that of \(manifest.model)/\(manifest.version)")
    }
    state.withLock { state in
      if state.manifests.count >= Self.cachedManifests { state.manifests.removeAll(keepingCapacity: true) }
      state.manifests[key] = manifest
    }
    return manifest
  }

  /// The manifest of a version as it is on disk; nil if that is the one given.
  func successor(of manifest: Manifest) throws(RegistryError) -> Manifest? {
    _ = state.withLock {
      $0.manifests.removeValue(forKey: ManifestKey(model: manifest.model, version: manifest.version))
    }
    let fresh = try self.manifest(of: manifest.model, manifest.version)
    return fresh == manifest ? nil : fresh
  }

  /// Reads and checks a table.
  package func table(_ digest: Digest) throws(RegistryError) -> Table {
    let bytes = try blobStore(try store.blobs.contents(of: digest, limit: 1 << 30))
    let table = try StoreCoding.decode(Table.self, from: bytes, what: "table \(digest)")
    try table.checkConsistency()
    return table
  }

  /// In which folder the version's manifest lies; nil if there is no such version.
  func place(of model: ModelName, _ version: VersionName) -> Place? { state.withLock { $0.versions[model]?[version] } }

  private func folder(_ place: Place) throws(RegistryError) -> Folder {
    switch place {
    case .models: return store.models
    case .checkpoints:
      guard let checkpoints = store.checkpoints else {
        throw RegistryError(.readOnly, "the store at \(store.path) is open for reading only")
      }
      return checkpoints
    }
  }

  /// `SHA256SUMS` of a version, in the format of `sha256sum`: sidecars, and views that have been validated.
  package func knownSums(of model: ModelName, _ version: VersionName) throws(RegistryError) -> String {
    let manifest = try manifest(of: model, version)
    var lines = manifest.sidecars.map { "\($0.digest)  \($0.path)\n" }
    for view in manifest.views.keys.sorted() {
      let key = ViewSumKey(content: manifest.content(of: view), view: view)
      if let digest = viewSums.withLock({ $0[key] }) ?? index.sum(of: view, content: key.content) {
        lines.append("\(digest)  model.\(view)\n")
      }
    }
    return lines.joined()
  }

  /// Remembers the plain SHA-256 of a view.
  func remember(_ digest: Digest, of view: String, _ manifest: Manifest) throws(RegistryError) {
    let key = ViewSumKey(content: manifest.content(of: view), view: view)
    viewSums.withLock { $0[key] = digest }
    try index.remember(digest, of: view, content: key.content)
  }

  /// Space on the file system that holds the store.
  package func volume() throws(RegistryError) -> VolumeStatus { try posix(try store.root.volume()) }

  // MARK: Changing

  /// Makes `version` the one that the model's users get, and remembers who did.
  ///
  /// - Parameter progress: told of the validation that the model's policy may ask for.
  /// - Returns: the version that was active before.
  /// - Throws: `damaged`, with the report, if that policy asks for a validation which finds damage.
  @discardableResult
  package func setActive(
    _ model: ModelName, _ version: VersionName, by actor: Actor = .current,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> VersionName? {
    try requireWriting()
    guard contains(model) else { throw unknown(model) }
    guard contains(model, version) else { throw unknown(version, of: model) }
    if activeVersion(of: model) != version { try requireFitToActivate(model, version, progress: progress) }
    return try switchActive(model, to: version, by: actor, isRollback: false)
  }

  /// Takes the last switch that was not yet taken back, and whose earlier version still exists, back.
  ///
  /// - Returns: the version that was active before, and the one that is now.
  @discardableResult
  package func rollback(
    _ model: ModelName, by actor: Actor = .current, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> (from: VersionName?, to: VersionName) {
    try requireWriting()
    guard contains(model) else { throw unknown(model) }
    let active = activeVersion(of: model)
    guard let version = try history(of: model).undoStack.dropLast().last(where: { $0 != active && contains(model, $0) })
    else {
      throw RegistryError(.unknownVersion, "\(model) has no earlier active version to go back to")
    }
    try requireFitToActivate(model, version, progress: progress)
    return (try switchActive(model, to: version, by: actor, isRollback: true), version)
  }

  private func switchActive(
    _ model: ModelName, to version: VersionName, by actor: Actor, isRollback: Bool
  ) throws(RegistryError) -> VersionName? {
    let before = activeVersion(of: model)
    guard before != version else { return before }
    let change = ActiveSwitch(time: Timestamp.now(), actor: actor, from: before, to: version, isRollback: isRollback)
    try changeConfig { config in config.models[model, default: .init()].apply(change) }
    logger.info("\(isRollback ? "rollback" : "active"): \(model) \(before.map { "\($0) -> " } ?? "")\(version)")
    return before
  }

  /// Publishes a manifest: writes it durably, then makes it visible. The first version of a model becomes active.
  ///
  /// Called with ``publishing`` or the record lock held.
  func publish(_ manifest: Manifest, at place: Place, activating: Bool) throws(RegistryError) {
    try requireWriting()
    let bytes = try StoreCoding.encode(manifest, pretty: true)
    let folder = try folder(place)
    let staging = try store.stagingForWriting
    let active = activeVersion(of: manifest.model)
    let change =
      activating && active != manifest.version || record(of: manifest.model).active == nil
      ? ActiveSwitch(time: Timestamp.now(), actor: .current, from: active, to: manifest.version, isRollback: false)
      : nil
    if change != state.withLock({ $0.config.models[manifest.model]?.pending }) {
      try changeConfig { $0.models[manifest.model, default: .init()].pending = change }
    }
    try posix(
      try folder.makeFolder(manifest.model.text)
        .replace(manifest.version.text + ".json", with: bytes, staging: staging))
    state.withLock { state in
      state.versions[manifest.model, default: [:]][manifest.version] = place
      state.manifests[ManifestKey(model: manifest.model, version: manifest.version)] = manifest
      state.config.settle { state.versions[$0]?[$1] != nil }
      state.generation += 1
    }
    viewCache.removeAll(of: manifest.model, manifest.version)
    announce(.published(manifest))
    guard let change else { return }
    logger.info("active: \(manifest.model) \(change.from.map { "\($0) -> " } ?? "")\(change.to)")
    do throws(RegistryError) {
      try changeConfig { _ in }
    } catch {
      logger.warning("weight_config.json is not up to date, which does no harm: \(error)")
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
    let folder = try posix(try parent.folder(manifest.model.text))
    try posix(try folder.replace(manifest.version.text + ".json", with: bytes, staging: staging))
    state.withLock { state in
      state.manifests[ManifestKey(model: manifest.model, version: manifest.version)] = manifest
      state.generation += 1
    }
    viewCache.removeAll(of: manifest.model, manifest.version)
    announce(.published(manifest))
  }

  /// Takes a version out of the tree, durably.
  func unpublish(_ manifest: Manifest) throws(RegistryError) {
    guard let place = place(of: manifest.model, manifest.version) else { return }
    let parent = try folder(place)
    let folder = try posix(try parent.folder(manifest.model.text))
    try posix(try folder.removeFile(manifest.version.text + ".json"))
    try posix(try folder.synchronize())
    state.withLock { state in
      state.versions[manifest.model]?[manifest.version] = nil
      if state.versions[manifest.model]?.isEmpty == true { state.versions[manifest.model] = nil }
      state.manifests[ManifestKey(model: manifest.model, version: manifest.version)] = nil
      state.generation += 1
    }
    viewCache.removeAll(of: manifest.model, manifest.version)
    announce(.removed(manifest))
  }

  /// Writes a changed `weight_config.json` durably, then lets it take effect.
  func changeConfig(_ change: (inout WeightConfig) -> Void) throws(RegistryError) {
    try writing.withLock { (_: inout sending Void) throws(RegistryError) in
      var config = state.withLock { $0.config }
      change(&config)
      let bytes = try StoreCoding.encode(config, pretty: true)
      let staging = try store.stagingForWriting
      try posix(try store.root.replace(StoreFolder.configName, with: bytes, staging: staging))
      state.withLock { state in
        state.config = config
        state.generation += 1
      }
    }
  }

  func requireWriting() throws(RegistryError) {
    if lock == nil { throw RegistryError(.readOnly, "the store at \(store.path) is open for reading only") }
  }

  // MARK: Errors

  package func unknown(_ model: ModelName) -> RegistryError {
    RegistryError(
      .unknownModel, "there is no model \"\(model)\"" + NearMatch.hint(for: model.text, among: models.map(\.text)))
  }

  package func unknown(_ version: VersionName, of model: ModelName) -> RegistryError {
    let names = state.withLock { Array($0.versions[model, default: [:]].keys) }.sorted().map(\.text)
    return RegistryError(
      .unknownVersion, "\(model) has no version \"\(version)\"" + NearMatch.hint(for: version.text, among: names))
  }
}
