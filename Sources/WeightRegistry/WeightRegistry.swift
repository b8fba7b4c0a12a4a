import BlobStore
import Dispatch
import Glibc
package import Logging
package import PosixIO
import Synchronization
import Tensors

/// A change of the tree that somebody may have to be told of.
package enum RegistryChange: Sendable, Hashable {
  /// A version has come, or some of its files have.
  case published(Manifest)
  case removed(Manifest)
}

/// The models of a store, their versions and which of them is active.
///
/// Opening it reads `weight_config.json` and the names of models. Their versions are listed, and manifests and tables read, when
/// somebody asks for them; listings are kept, the others for a while. Safe from several threads: the lock guards values only, and writers of records take turns on `writing`.
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
  let lock: FileLock?
  let state: Mutex<State>
  /// Held, before `state`, by whoever changes records on disk.
  let writing = Mutex<Void>(())
  /// Held, before `draftState`, by whoever changes the record of drafts; after `publishing`.
  let draftWriting = Mutex<Void>(())
  let draftState: Mutex<DraftRecord>
  /// Held, before `writing`, by an import from looking at what is published under its name until it is published itself.
  let publishing = Mutex<Void>(())
  private let configText = Mutex(WeightConfigText())
  let viewCache = ViewCache()
  let uploads = StagedUploads()
  /// Imports share it; whoever removes records or collects blobs has it alone. Taken before `writing`.
  let records = DispatchQueue(label: "tantra.records", attributes: .concurrent)
  let observers = Mutex<[@Sendable (RegistryChange) -> Void]>([])
  /// SHA-256 of whole views that validation has computed, by what they depend on.
  let viewSums = Mutex<[ViewSumKey: Digest]>([:])
  let index: StoreIndex
  private let freshness: Freshness?
  /// Held, before `state`, by a reader that takes over changes: what was read earlier must not replace what was read later.
  private let refreshing = Mutex<Void>(())

  struct State: Sendable {
    var config: WeightConfig
    var listings: VersionListings
    var manifests: [ManifestKey: Manifest] = [:]
    var figures: [ModelName: ModelFigures] = [:]
    /// Rises with every change, so that what is derived can tell whether it is stale.
    var generation: UInt64 = 0
    /// Rises with every change of what is stored and shown; what is active is none.
    var contents: UInt64 = 0

    /// Takes over that manifests of a model have changed.
    mutating func noteChange(of model: ModelName) {
      figures[model] = nil
      generation += 1
      contents += 1
    }

    /// Lets what is known of a model's versions be read again.
    mutating func forget(_ model: ModelName) {
      noteChange(of: model)
      listings.forget(model)
      manifests = manifests.filter { $0.key.model != model }
    }
  }

  struct ViewSumKey: Hashable, Sendable {
    var content: Digest
    var view: String
  }

  struct ManifestKey: Hashable, Sendable {
    var model: ModelName
    var version: VersionName
  }

  static let manifestLimit = 16 << 20
  static let cachedManifests = 4096

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
    let config = try loadConfig(store)
    return State(config: config, listings: VersionListings(unlisted: try store.modelFolders()))
  }

  private static func loadConfig(_ store: StoreFolder) throws(RegistryError) -> WeightConfig {
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
    for (model, record) in config.models {
      if let change = record.pending, try store.hasManifest(model, change.to) { config.settle(model) }
    }
    return config
  }

  private static func decodeConfig(_ bytes: [UInt8]) throws(RegistryError) -> WeightConfig {
    do throws(RegistryError) {
      let config = try WeightConfig.read(bytes)
      try StoreUpgrade.Header(format: config.format).check()
      return config
    } catch  where error.code == .damaged {
      // That of another format may look like anything but for its header.
      try StoreCoding.decode(StoreUpgrade.Header.self, from: bytes, what: StoreFolder.configName).check()
      throw error
    }
  }

  /// Whether another process may change the store meanwhile.
  package var isReader: Bool { freshness != nil }

  /// Takes over what another process has changed since; for a registry that was opened for reading. Looks at the disk at
  /// most once in a while, and forgets only what has changed.
  ///
  /// - Parameter now: whether to take over everything, whatever was looked at before.
  package func refresh(now: Bool = false) throws(RegistryError) {
    guard let freshness else { return }
    try refreshing.withLock { (_: inout sending Void) throws(RegistryError) in
      guard let changed = freshness.change(of: store, atOnce: now) else { return }
      do throws(RegistryError) {
        try takeOver(changed)
      } catch {
        freshness.forget()
        throw error
      }
      viewCache.removeAll()
    }
  }

  private func takeOver(_ changed: Freshness.Change) throws(RegistryError) {
    if changed.isEverything {
      var fresh = try Self.load(store)
      return state.withLock { state in
        (fresh.generation, fresh.contents) = (state.generation + 1, state.contents + 1)
        state = fresh
      }
    }
    // A switch may have waited for a manifest that has come.
    let isSettling = state.withLock { state in
      changed.models.contains { state.config.models[$0]?.pending != nil }
    }
    let config = changed.config || isSettling ? try Self.loadConfig(store) : nil
    state.withLock { state in
      if let config { state.config = config }
      for model in changed.models { state.forget(model) }
      state.generation += 1
    }
  }

  /// Rises with every change of models and versions; not with a change of what is active.
  package var contents: UInt64 { state.withLock { $0.contents } }

  /// The version that the model's users get; nil if none is.
  package func activeVersion(of model: ModelName) -> VersionName? {
    record(of: model).active.flatMap { contains(model, $0) ? $0 : nil }
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

  /// Space on the file system that holds the store.
  package func volume() throws(RegistryError) -> VolumeStatus { try posix(try store.root.volume()) }

  /// The store's format; it stays until ``StoreUpgrade``.
  package var formatNumber: Int { state.withLock { $0.config.format } }

  /// Whether the store's format lets a file be put together from parts of packs.
  var allowsStitching: Bool { state.withLock { $0.config.allowsStitching } }

  /// Writes a changed `weight_config.json` durably, then lets it take effect.
  func changeConfig(_ change: (inout WeightConfig) -> Void) throws(RegistryError) {
    try writing.withLock { (_: inout sending Void) throws(RegistryError) in try writeConfig(change) }
  }

  /// As ``changeConfig(_:)``, with ``writing`` held.
  func writeConfig(_ change: (inout WeightConfig) -> Void) throws(RegistryError) {
    var config = state.withLock { $0.config }
    change(&config)
    let bytes = try configText.withLock { (text: inout sending WeightConfigText) throws(RegistryError) in
      try text.bytes(of: config)
    }
    let staging = try store.stagingForWriting
    try posix(try store.root.replace(StoreFolder.configName, with: bytes, staging: staging))
    state.withLock { state in
      state.config = config
      state.generation += 1
    }
  }

  func requireWriting() throws(RegistryError) {
    if lock == nil { throw RegistryError(.readOnly, "the store at \(store.path) is open for reading only") }
  }
}
