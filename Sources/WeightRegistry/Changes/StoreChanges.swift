package import Logging

/// Changes a store whoever has it: directly, under its lock, or through the mount of the process that holds the lock.
///
/// Each change takes the lock and gives it back. A second change at the same time, of this process too, gets `locked`.
package struct StoreChanges: Sendable {
  private let path: String
  private let logger: Logger
  private let checkers: [any VersionChecker]
  /// How long a mount may take to answer.
  private static let limit = 5

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
  /// - Throws: `locked` if the holder has no mount, or its mount does not answer within 5 seconds.
  package func access(creating: Bool = false) throws(RegistryError) -> Access {
    let store = try StoreFolder(path: path, creating: creating)
    do throws(RegistryError) {
      return .direct(try WeightRegistry(storePath: path, access: .writing(), logger: logger, checkers: checkers))
    } catch {
      guard case .locked = error.code, let holder = store.lockHolder() else { throw error }
      guard let mountpoint = holder.mountpoint else {
        throw RegistryError(.locked, "the store is in use by \(holder); try again when it has ended")
      }
      guard ControlFolder(mountpoint: mountpoint).answers(within: Self.limit) else {
        throw RegistryError(
          .locked, "the store is in use by \(holder), and that mount does not answer; nothing was changed")
      }
      return .mounted(at: mountpoint)
    }
  }

  /// Runs `directly` on the store, or `throughMount` where another process has it mounted for writing.
  ///
  /// - Throws: as ``access(creating:)``; nothing has changed then.
  package func act<R>(
    directly: (WeightRegistry) throws(RegistryError) -> R,
    throughMount: (ControlFolder) throws(RegistryError) -> R
  ) throws(RegistryError) -> R {
    switch try access() {
    case .direct(let registry): try directly(registry)
    case .mounted(let mountpoint): try throughMount(ControlFolder(mountpoint: mountpoint))
    }
  }

  /// As ``WeightRegistry/setActive(_:_:by:progress:)``.
  package func setActive(
    _ model: ModelName, _ version: VersionName, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> Switch {
    try act { registry throws(RegistryError) in
      Switch(model: model, from: try registry.setActive(model, version, progress: progress), to: version)
    } throughMount: { control throws(RegistryError) in
      try Switch(report: try control.perform("active", "\(model)/\(version)", hasHeading: false))
    }
  }

  /// As ``WeightRegistry/rollback(_:by:progress:)``.
  package func rollback(
    _ model: ModelName, progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> Switch {
    try act { registry throws(RegistryError) in
      let change = try registry.rollback(model, progress: progress)
      return Switch(model: model, from: change.from, to: change.to)
    } throughMount: { control throws(RegistryError) in
      try Switch(report: try control.perform("active", "\(model) previous", hasHeading: false))
    }
  }

  /// As ``WeightRegistry/cleanup(_:keep:by:)``.
  package func cleanup(_ model: ModelName, keep: Int?) throws(RegistryError) -> [VersionName] {
    try act { registry throws(RegistryError) in
      try registry.cleanup(model, keep: keep)
    } throughMount: { control throws(RegistryError) in
      let report = try control.perform("cleanup", keep.map { "\(model) \($0)" } ?? model.text)
      return report.split(separator: "\n").compactMap { line in
        line.hasPrefix("removed \(model)/") ? VersionName(line.dropFirst("removed \(model)/".count)) : nil
      }
    }
  }

  /// As ``WeightRegistry/backup(_:_:by:)``: the backup's number.
  package func backup(_ model: ModelName, _ version: VersionName) throws(RegistryError) -> Int {
    try act { registry throws(RegistryError) in
      try registry.backup(model, version).number
    } throughMount: { control throws(RegistryError) in
      let report = try control.perform("backup", "\(model)/\(version)")
      guard let number = report.split(whereSeparator: \.isWhitespace).last.flatMap({ Int($0) }) else {
        throw Self.unreadable(report)
      }
      return number
    }
  }

  /// As ``WeightRegistry/restore(_:_:by:)``.
  package func restore(_ model: ModelName, _ version: VersionName) throws(RegistryError) {
    try act { registry throws(RegistryError) in
      _ = try registry.restore(model, version)
    } throughMount: { control throws(RegistryError) in
      _ = try control.perform("restore", "\(model)/\(version)")
    }
  }

  /// As ``WeightRegistry/purge(_:_:olderThan:isDryRun:by:progress:)``; an age in seconds.
  package func purge(
    _ model: ModelName?, _ version: VersionName?, olderThan seconds: Int64 = 0,
    progress: @escaping ProgressHandler = { _, _, _ in true }
  ) throws(RegistryError) -> WeightRegistry.PurgeReport {
    try act { registry throws(RegistryError) in
      try registry.purge(model, version, olderThan: seconds * 1_000_000_000, progress: progress)
    } throughMount: { control throws(RegistryError) in
      let target = model.map { model in version.map { "\(model)/\($0)" } ?? model.text } ?? "all"
      let report = try control.perform("purge", "\(target) \(seconds) json")
      return try StoreCoding.decode(
        WeightRegistry.PurgeReport.self, from: Array(report.utf8), what: "the mount's answer")
    }
  }

  /// As ``WeightRegistry/setPolicy(_:of:to:by:)``.
  package func setPolicy(_ key: PolicyKey, of model: ModelName, to value: String?) throws(RegistryError) {
    try act { registry throws(RegistryError) in
      _ = try registry.setPolicy(key, of: model, to: value)
    } throughMount: { control throws(RegistryError) in
      _ = try control.perform("config", "\(model) \(key.rawValue)" + (value.map { " \($0)" } ?? ""))
    }
  }

  private static func unreadable(_ report: String) -> RegistryError {
    RegistryError(.damaged, "the mount answered \"\(report)\"; is it served by another version of Tantra?")
  }

  /// A change of a model's active version.
  package struct Switch: Sendable, Hashable, Encodable {
    package var model: ModelName
    /// nil if none was active.
    package var from: VersionName?
    package var to: VersionName

    init(model: ModelName, from: VersionName?, to: VersionName) {
      self.model = model
      self.from = from
      self.to = to
    }

    /// Reads ``text`` again.
    init(report: String) throws(RegistryError) {
      let words = report.split(whereSeparator: \.isWhitespace)
      guard words.count == 2 || words.count == 4, let model = words.first.flatMap({ ModelName($0.dropLast()) }),
        let to = words.last.flatMap({ VersionName($0) })
      else { throw StoreChanges.unreadable(report) }
      self.init(model: model, from: words.count == 4 ? VersionName(words[1]) : nil, to: to)
    }

    /// `mamba: v1.0 -> v1.1`.
    package var text: String { "\(model): \(from.map { "\($0) -> " } ?? "")\(to)" }
  }
}
