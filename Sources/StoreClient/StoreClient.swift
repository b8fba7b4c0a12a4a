import Glibc
package import Logging
package import Remotes
package import StoreRecords
package import WeightRegistry

/// Acts on a store whoever has it: directly, under its lock, or through the mount of the process that holds the lock.
///
/// Each change takes the lock and gives it back. A second change at the same time, of this process too, gets `locked`.
package struct StoreClient: Sendable {
  let path: String
  private let logger: Logger
  private let checkers: [any VersionChecker]
  /// How many seconds a mount may take to say who it is.
  package static let patience = Duration.seconds(5)

  package init(storePath: String, logger: Logger, checkers: [any VersionChecker] = []) {
    path = storePath
    self.logger = logger
    self.checkers = checkers
  }

  /// The way to a store that nobody else changes meanwhile, or to the process that has it.
  package enum Access: Sendable {
    /// The lock is held for as long as the registry lives.
    case direct(WeightRegistry)
    case mounted(at: String)
  }

  /// Takes the store's lock, or finds the mount of the process that holds it.
  ///
  /// - Parameter creating: whether to make a store that is not there; else that is `noStore`.
  /// - Throws: `locked` if the holder has no mount, or its mount does not answer in time.
  package func access(creating: Bool = false) throws(StoreError) -> Access {
    let store = try StoreFolder(path: path, creating: creating)
    do throws(StoreError) {
      return .direct(try WeightRegistry(storePath: path, access: .writing(), logger: logger, checkers: checkers))
    } catch {
      guard case .locked = error.code, let holder = store.lockHolder() else { throw error }
      guard let mountpoint = holder.mountpoint else {
        throw StoreError(.locked, "the store is in use by \(holder); try again when it has ended")
      }
      try requireAnswer(of: holder, at: mountpoint)
      return .mounted(at: mountpoint)
    }
  }

  private func requireAnswer(of holder: LockHolder, at mountpoint: String) throws(StoreError) {
    switch ControlFolder.version(at: mountpoint, within: Self.patience) {
    case .version(let version) where version.protocol == ControlVersion.currentProtocol: return
    case .failure where !Self.isMountpoint(mountpoint):
      throw StoreError(
        .locked,
        "the store is still held by process \(holder.pid) of user \(holder.uid), whose mount at \(mountpoint) was taken down: it ends "
          + "when it is done; if it does not, kill \(holder.pid) ends it; nothing was changed")
    case .version, .failure(errno: ENOENT):
      throw StoreError(
        .locked,
        "the store is in use by \(holder), which is another version of Tantra: run tantra unmount \(mountpoint) and mount it "
          + "again; nothing was changed")
    case .failure(errno: EACCES), .failure(errno: EPERM):
      throw StoreError(
        .locked,
        "the store is in use by \(holder), and that mount lets nobody else in: run this as user \(holder.uid); nothing was changed"
      )
    case .failure, .none:
      throw StoreError(.locked, "the store is in use by \(holder), and that mount does not answer; nothing was changed")
    }
  }

  /// Whether something is mounted on a folder.
  private static func isMountpoint(_ path: String) -> Bool {
    var (own, above) = (stat(), stat())
    // One that cannot be looked at is a mount whose process is gone.
    guard stat(path, &own) == 0, stat(path + "/..", &above) == 0 else { return errno != ENOENT }
    return own.st_dev != above.st_dev
  }

  /// Carries out a request, here or in the process that has the store mounted.
  ///
  /// - Parameters:
  ///   - progress: of what is done here; what the mount does is not told.
  ///   - whenChecked: told of each version that was validated; of those that a mount validates when all are done.
  /// - Throws: as ``access(creating:)``, and what the request throws; the same either way.
  package func perform(
    _ request: ControlRequest, progress: @escaping ProgressHandler = { _, _, _ in true },
    whenChecked: (ValidationReport) -> Void = { _ in }
  ) throws(StoreError) -> ControlReply {
    try perform(request, by: try access(), progress: progress, whenChecked: whenChecked)
  }

  private func perform(
    _ request: ControlRequest, by access: Access, progress: @escaping ProgressHandler,
    whenChecked: (ValidationReport) -> Void
  ) throws(StoreError) -> ControlReply {
    switch access {
    case .direct(let registry):
      return try request.perform(on: registry, progress: progress, whenChecked: whenChecked)
    case .mounted(let mountpoint):
      let reply = try ControlFolder(mountpoint: mountpoint).send(request)
      if case .validated(let reports) = reply { reports.forEach(whenChecked) }
      return reply
    }
  }

  // MARK: Verbs

  /// As ``Activation/setActive(_:_:by:progress:)``.
  ///
  /// - Parameter whenSwitched: called with what takes back what is compressed of the version, while the lock is held; not if a mount has the
  ///   store, which does so by itself.
  package func setActive(
    _ model: ModelName, _ version: VersionName, progress: @escaping ProgressHandler = { _, _, _ in true },
    whenSwitched: (Thaw) -> Void = { _ in }
  ) throws(StoreError) -> ActiveChange {
    try switching(.setActive(model: model, version: version), of: model, progress, whenSwitched)
  }

  /// As ``Activation/rollback(_:by:progress:)``; see ``setActive(_:_:progress:whenSwitched:)``.
  package func rollback(
    _ model: ModelName, progress: @escaping ProgressHandler = { _, _, _ in true },
    whenSwitched: (Thaw) -> Void = { _ in }
  ) throws(StoreError) -> ActiveChange {
    try switching(.rollback(model: model), of: model, progress, whenSwitched)
  }

  /// As ``Compression/thawActive(of:progress:)``, of the model that was switched.
  package typealias Thaw = (_ progress: @escaping ProgressHandler) throws(StoreError) -> Void

  private func switching(
    _ request: ControlRequest, of model: ModelName, _ progress: @escaping ProgressHandler,
    _ whenSwitched: (Thaw) -> Void
  ) throws(StoreError) -> ActiveChange {
    let access = try access()
    let reply = try perform(request, by: access, progress: progress) { _ in }
    guard case .switched(let change) = reply else { throw Self.unexpected(reply) }
    if case .direct(let registry) = access {
      whenSwitched { (progress) throws(StoreError) in
        _ = try registry.compression.thawActive(of: model, progress: progress)
      }
    }
    return change
  }

  /// As ``Retention/cleanup(_:keep:by:unless:)``.
  package func cleanup(_ model: ModelName, keep: Int?) throws(StoreError) -> [VersionName] {
    try perform(.cleanup(model: model, keep: keep)) { if case .cleaned(_, let removed) = $0 { removed } else { nil } }
  }

  /// As ``Activation/tag(_:_:as:by:)``.
  ///
  /// - Returns: the version that has the name now.
  package func tag(
    _ model: ModelName, _ version: VersionName, as name: VersionName
  ) throws(StoreError) -> VersionName {
    try perform(.tag(model: model, version: version, name: name)) {
      if case .tagged(_, let version, _) = $0 { version } else { nil }
    }
  }

  /// Takes a version, or a link, out of the tree; without a version: all of the model. What was removed.
  package func remove(_ model: ModelName, _ version: VersionName?) throws(StoreError) -> [VersionName] {
    try perform(.remove(model: model, version: version)) { if case .cleaned(_, let names) = $0 { names } else { nil } }
  }

  /// As ``Retention/backup(_:_:by:unless:)``: the backup's number.
  package func backup(_ model: ModelName, _ version: VersionName) throws(StoreError) -> Int {
    try perform(.backup(model: model, version: version)) {
      if case .pinned(_, _, let number) = $0 { number } else { nil }
    }
  }

  /// As ``Retention/restore(_:_:number:by:unless:)``.
  package func restore(_ model: ModelName, _ version: VersionName, number: Int? = nil) throws(StoreError) {
    _ = try perform(.restore(model: model, version: version, number: number))
  }

  /// As ``Retention/purge(_:_:number:olderThan:isDryRun:by:progress:)``; an age in seconds.
  package func purge(
    _ model: ModelName?, _ version: VersionName?, number: Int? = nil, olderThan seconds: Int64 = 0,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> PurgeReport {
    try perform(.purge(model: model, version: version, olderThan: seconds, number: number), progress) {
      if case .purged(let report) = $0 { report } else { nil }
    }
  }

  /// As ``Compression/compress(_:_:from:isDryRun:by:progress:)``.
  package func compress(
    _ model: ModelName?, _ version: VersionName?, from base: String?, progress: @escaping ProgressHandler
  ) throws(StoreError) -> CompressionReport {
    try perform(.compress(model: model, version: version, base: base), progress) {
      if case .compressed(let report) = $0 { report } else { nil }
    }
  }

  /// As ``Compression/thaw(_:_:by:progress:)``.
  package func thaw(
    _ model: ModelName?, _ version: VersionName?, progress: @escaping ProgressHandler
  ) throws(StoreError) -> CompressionReport {
    try perform(.thaw(model: model, version: version), progress) {
      if case .compressed(let report) = $0 { report } else { nil }
    }
  }

  /// As ``Policies/set(_:of:to:by:)``.
  package func setPolicy(_ key: PolicyKey, of model: ModelName?, to value: String?) throws(StoreError) {
    _ = try perform(.setPolicy(model: model, key: key, value: value))
  }

  /// As ``Validation/validate(_:_:progress:)``, for one version, all of a model, or all.
  package func validate(
    _ model: ModelName?, _ version: VersionName?, progress: @escaping ProgressHandler = { _, _, _ in true },
    whenChecked: (ValidationReport) -> Void = { _ in }
  ) throws(StoreError) -> [ValidationReport] {
    let request = ControlRequest.validate(model: model, version: version)
    do throws(StoreError) {
      return try perform(request, progress, whenChecked: whenChecked) {
        if case .validated(let reports) = $0 { reports } else { nil }
      }
    } catch  where error.code.isOfRights {
      // To look at it takes no more than to read it. Nobody else is told of damage then.
      let registry = try WeightRegistry(storePath: path, access: .reading, logger: logger, checkers: checkers)
      let reply = try request.perform(on: registry, progress: progress, whenChecked: whenChecked)
      guard case .validated(let reports) = reply else { throw Self.unexpected(reply) }
      return reports
    }
  }

  /// Fetches a version from a remote; see ``Pull``. What a mount fetches, it fetches with the credentials of whoever mounted it.
  package func pull(
    _ reference: RemoteReference, as names: (model: ModelName?, version: VersionName?) = (nil, nil),
    activating: Bool = false, plainHTTP: Bool = false, verifying key: VerifyingKey? = nil,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(StoreError) -> PullReport {
    let request = ControlRequest.pull(
      remote: reference.description, model: names.model, version: names.version, activating: activating,
      plainHTTP: plainHTTP ? true : nil, key: key?.pem)
    return try perform(request, progress) { if case .pulled(let report) = $0 { report } else { nil } }
  }

  /// Carries out a request.
  ///
  /// - Parameter answer: what the reply has; nil if it is none to such a request.
  private func perform<R>(
    _ request: ControlRequest, _ progress: @escaping ProgressHandler = { _, _, _ in true },
    whenChecked: (ValidationReport) -> Void = { _ in }, _ answer: (ControlReply) -> R?
  ) throws(StoreError) -> R {
    let reply = try perform(request, progress: progress, whenChecked: whenChecked)
    if let result = answer(reply) { return result }
    throw Self.unexpected(reply)
  }

  private static func unexpected(_ reply: ControlReply) -> StoreError {
    StoreError(.damaged, "the mount answered \"\(reply.text)\"; is it served by another version of Tantra?")
  }
}
