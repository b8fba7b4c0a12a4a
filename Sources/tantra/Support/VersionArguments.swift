import ArgumentParser
import StoreRecords

/// `MODEL VERSION`, which may also be written `MODEL/VERSION`.
struct VersionArguments: ParsableArguments {
  @Argument(help: "Name of the model, or MODEL/VERSION.") var model: String
  @Argument(help: "Name of the version, if it is not given as MODEL/VERSION.") var version: String?

  /// The model, and the version if one is given.
  func names() throws -> (model: ModelName, version: VersionName?) { try Self.names(model, version) }

  /// Both.
  func requiredNames() throws -> (model: ModelName, version: VersionName) {
    let (model, version) = try names()
    guard let version else {
      throw CommandFailure(.usage, "which version of \(model)? Write \(model) VERSION, or \(model)/VERSION")
    }
    return (model, version)
  }

  /// Reads two words, of which the first may hold both names.
  static func names(_ model: String, _ version: String?) throws -> (model: ModelName, version: VersionName?) {
    let parts = model.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      return (try ModelName(validating: model), try version.map { try VersionName(validating: $0) })
    }
    if let version {
      throw CommandFailure(.usage, "two versions are given, \(parts[1]) and \(version); which one?")
    }
    return (try ModelName(validating: parts[0]), try VersionName(validating: parts[1]))
  }
}
