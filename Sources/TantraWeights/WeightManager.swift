import Logging
import StoreClient
import StoreRecords
import Synchronization
@_exported public import Tensors
import WeightRegistry

/// The models of a weight store and their versions, as a program uses them without a mount.
///
/// Looking takes no lock and works while other processes write or serve the store. A change takes the store's lock for its
/// duration; where a mount holds it, the change is made through the mount, except for ``saveWeights(_:model:version:isActive:progress:)``.
/// Safe from several threads: changes through one manager wait for each other, and what one thread has changed the next
/// look of any thread sees.
///
/// Every method throws `damaged` if records in the store cannot be read, `system` if the operating system refuses, and
/// `invalidName` for names that break the rules (letters, digits and `. _ + -`, at most 128).
public final class WeightManager: Sendable {
  /// Folder of the store.
  public let path: String
  let reader: WeightRegistry
  let client: StoreClient
  /// Held while something changes.
  private let changing = Mutex<Void>(())
  let logger = Logger(label: "tantra") { _ in SwiftLogNoOpLogHandler() }

  /// Opens the store in a folder.
  ///
  /// - Parameter creating: whether a store is made where there is none.
  /// - Throws: `noStore`; `storeFormat` if a newer Tantra wrote it.
  public init(store path: String, creating: Bool = false) throws(WeightError) {
    self.path = path
    client = StoreClient(storePath: path, logger: logger)
    if creating { _ = try registry(try StoreFolder(path: path, creating: true)) }
    reader = try registry(try WeightRegistry(storePath: path, access: .reading, logger: logger))
  }

  /// Makes a change, and lets the next look see it.
  func change<R: Sendable>(_ body: () throws(StoreError) -> R) throws(WeightError) -> R {
    try changing.withLock { (_: inout sending Void) throws(WeightError) in
      let result = try registry(try body())
      try registry(try reader.refresh(now: true))
      return result
    }
  }

  /// A look at the records as they are now.
  func look<R>(_ body: () throws(StoreError) -> R) throws(WeightError) -> R {
    try registry(try reader.refresh())
    return try registry(try body())
  }

  /// Hands on how many bytes are done. Who waits for a lock is asked with the last figures whether to go on.
  static func handler(_ progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Bool) -> ProgressHandler {
    let last = Figures()
    return { phase, done, total in
      let figures = last.value.withLock { value in
        if phase != .waiting { value = (done, total) }
        return value
      }
      return figures.map { progress($0.done, $0.total) } ?? true
    }
  }

  private final class Figures: Sendable {
    let value = Mutex<(done: Int, total: Int)?>(nil)
  }

  // MARK: Looking

  /// The names of all models, in order.
  public func listModels() throws(WeightError) -> [String] {
    try look { () throws(StoreError) in reader.records.models.map(\.text) }
  }

  /// The versions of a model, in natural order: v1.2 before v1.10.
  ///
  /// - Throws: `unknownModel`, with a name that may have been meant.
  public func listWeights(model: String) throws(WeightError) -> [WeightVersion] {
    try look { () throws(StoreError) in
      let model = try ModelName(validating: model)
      var versions: [WeightVersion] = []
      for version in try reader.records.versions(of: model) {
        versions.append(WeightVersion(try reader.records.manifest(of: model, version), in: reader.records))
      }
      return versions
    }
  }

  /// The version that a model's users get; nil if none is active.
  ///
  /// - Throws: `unknownModel`.
  public func activeVersion(model: String) throws(WeightError) -> String? {
    try look { () throws(StoreError) in
      let model = try ModelName(validating: model)
      try reader.records.require(model)
      return reader.records.activeVersion(of: model)?.text
    }
  }

  /// How a model's active version came about, oldest switch first; at most the last 100.
  ///
  /// - Throws: `unknownModel`.
  public func history(model: String) throws(WeightError) -> [VersionSwitch] {
    try look { () throws(StoreError) in
      try reader.records.history(of: try ModelName(validating: model)).map(VersionSwitch.init)
    }
  }

  /// Reads every byte of a version and checks it: digests, every format through Tantra's own parsers, NaN and infinities.
  ///
  /// Damage is reported, not thrown. Shapes are not checked against config.json: `tantra validate` does that.
  ///
  /// - Parameter progress: bytes done and in all; answers whether to go on. Called from several threads.
  /// - Throws: `unknownModel`, `unknownVersion`; `interrupted` if `progress` answered false.
  public func validate(
    model: String, version: String, progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws(WeightError) -> WeightValidation {
    try look { () throws(StoreError) in
      WeightValidation(
        try reader.validation.validate(
          try ModelName(validating: model), try VersionName(validating: version), progress: Self.handler(progress)))
    }
  }

  // MARK: Switching

  /// Makes a version the one that the model's users get, atomically. Files that are open keep their bytes.
  ///
  /// - Returns: the version that was active before.
  /// - Throws: `unknownModel`, `unknownVersion`; `damaged` if the model's policy asks for a validation, and it fails.
  @discardableResult
  public func setActive(model: String, version: String) throws(WeightError) -> String? {
    try change { () throws(StoreError) in
      try client.setActive(try ModelName(validating: model), try VersionName(validating: version)).from?.text
    }
  }

  /// Takes the last switch back; once more, the one before it. Versions that are gone are passed over.
  ///
  /// - Returns: the version that is active now.
  /// - Throws: `unknownModel`; `unknownVersion` if there is nothing to go back to.
  @discardableResult
  public func rollback(model: String) throws(WeightError) -> String {
    try change { () throws(StoreError) in try client.rollback(try ModelName(validating: model)).to.text }
  }

  // MARK: Keeping and removing

  /// Removes old versions until `keep` remain: training checkpoints first, then the oldest. The active version, those that
  /// aliases point to and those with a backup stay. What goes can be restored until it is purged.
  ///
  /// - Parameter keep: nil for what the model's policy says.
  /// - Returns: the versions that went.
  /// - Throws: `unknownModel`; `invalidName` if `keep` is negative, or nil and the policy does not say.
  @discardableResult
  public func cleanup(model: String, keep: Int?) throws(WeightError) -> [String] {
    try change { () throws(StoreError) in
      try client.cleanup(try ModelName(validating: model), keep: keep).map(\.text)
    }
  }

  /// Pins a version: it stays restorable whatever is cleaned up or purged. Costs no space while the version exists.
  ///
  /// - Returns: the number of the backup.
  /// - Throws: `unknownModel`, `unknownVersion`.
  @discardableResult
  public func backup(model: String, version: String) throws(WeightError) -> Int {
    try change { () throws(StoreError) in
      try client.backup(try ModelName(validating: model), try VersionName(validating: version))
    }
  }

  /// Brings a version back: the one removed last, else from its newest backup.
  ///
  /// - Throws: `alreadyExists` if there is a version of that name; `unknownVersion` if nothing is kept of it.
  public func restore(model: String, version: String) throws(WeightError) {
    try change { () throws(StoreError) in
      try client.restore(try ModelName(validating: model), try VersionName(validating: version))
    }
  }

  /// Forgets removed versions for good, and frees what no version and no backup needs. What is loaded stays readable.
  ///
  /// - Parameters:
  ///   - model: nil for all models.
  ///   - seconds: only what was removed at least that long ago.
  /// - Throws: `unknownModel`.
  @discardableResult
  public func purge(model: String? = nil, olderThan seconds: Int = 0) throws(WeightError) -> PurgeResult {
    try change { () throws(StoreError) in
      guard (0..<100 * 366 * 86_400).contains(seconds) else {
        throw StoreError(.invalidName, "expected an age of at most a century in seconds, found \(seconds)")
      }
      var name: ModelName?
      if let model { name = try ModelName(validating: model) }
      return PurgeResult(try client.purge(name, nil, olderThan: Int64(seconds)))
    }
  }
}
