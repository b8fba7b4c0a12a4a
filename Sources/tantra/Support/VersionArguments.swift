import ArgumentParser
import StoreRecords
import WeightRegistry

/// `MODEL VERSION`, which may also be written `MODEL/VERSION`.
struct VersionArguments: ParsableArguments {
  @Argument(help: "Name of the model, or MODEL/VERSION.", completion: StoreCompletion.versionsOfModels) var model:
    String
  @Argument(help: "Name of the version, if it is not given as MODEL/VERSION.", completion: StoreCompletion.versions)
  var version: String?

  /// The model, and the version if one is given.
  func names() throws -> (model: ModelName, version: VersionName?) { try Self.names(model, version) }

  /// Both.
  func requiredNames() throws -> (model: ModelName, version: VersionName) {
    let (model, version) = try names()
    return (model, try Self.require(version, of: model))
  }

  /// - Throws: `usage` if no version is given.
  static func require<Version>(_ version: Version?, of model: ModelName) throws(CommandFailure) -> Version {
    if let version { return version }
    throw CommandFailure(.usage, "which version of \(model)? Write \(model) VERSION, or \(model)/VERSION")
  }

  /// Reads two words, of which the first may hold both names.
  static func names(_ model: String, _ version: String?) throws -> (model: ModelName, version: VersionName?) {
    let words = try words(model, version)
    return (try ModelName(validating: words.model), try words.version.map { try VersionName(validating: $0) })
  }

  /// Reads two words, as ``names(_:_:)``, of which the last may end with the number of what is kept: `v1.0@2`.
  static func edition(_ model: String, _ version: String?) throws -> (model: ModelName, edition: VersionEdition?) {
    let words = try words(model, version)
    return (try ModelName(validating: words.model), try words.version.map { try VersionEdition(validating: $0) })
  }

  /// As ``names(_:_:)``; `active` is the version that is active now.
  static func names(
    _ model: String, _ version: String?, in store: StoreOptions
  ) throws -> (model: ModelName, version: VersionName?) {
    let words = try words(model, version)
    guard words.version == "active" else { return try names(model, version) }
    let model = try ModelName(validating: words.model)
    return (model, try store.openForReading().records.version(called: "active", of: model))
  }

  /// Reads the name of a model, for a command that is not about one version of it.
  ///
  /// - Parameter other: the command that tells of a version.
  /// - Throws: `usage` if a version is named, too.
  static func model(_ word: String, forVersions other: String) throws -> ModelName {
    let words = try words(word, nil)
    let model = try ModelName(validating: words.model)
    guard let version = words.version else { return model }
    throw CommandFailure(
      .usage,
      "this is about a model, not a version: name \(model) alone; tantra \(other) \(model)/\(version) is about a version"
    )
  }

  /// What was named, for a progress bar.
  static func title(_ names: (model: ModelName, version: VersionName?)?) -> String {
    names.map { model, version in version.map { "\(model)/\($0)" } ?? model.text } ?? "all models"
  }

  /// The two names as they are written, in one word or in two.
  static func words(_ model: String, _ version: String?) throws(CommandFailure) -> (model: String, version: String?) {
    let parts = model.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return (model, version) }
    if let version {
      throw CommandFailure(.usage, "two versions are given, \(parts[1]) and \(version); which one?")
    }
    return (String(parts[0]), String(parts[1]))
  }
}
