import WeightRegistry

/// What a request names: `mamba/v1.0`, `mamba`, or `all`.
enum RequestTarget: Sendable, Hashable {
  case all
  case model(ModelName)
  case version(ModelName, VersionName)

  /// The model; nil for all.
  var model: ModelName? {
    switch self {
    case .all: nil
    case .model(let model), .version(let model, _): model
    }
  }

  /// The version; nil for all of the model.
  var version: VersionName? {
    if case .version(_, let version) = self { version } else { nil }
  }

  /// - Throws: `invalidName` if it is not a single version.
  func requireVersion() throws(StoreError) -> (ModelName, VersionName) {
    guard case .version(let model, let version) = self else {
      throw StoreError(.invalidName, "expected MODEL/VERSION")
    }
    return (model, version)
  }

  init(_ text: String) throws(StoreError) {
    if text == "all" {
      self = .all
      return
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    switch parts.count {
    case 1: self = .model(try ModelName(validating: parts[0]))
    case 2: self = .version(try ModelName(validating: parts[0]), try VersionName(validating: parts[1]))
    default: throw StoreError(.invalidName, "expected MODEL, MODEL/VERSION or all, found \"\(text)\"")
    }
  }
}
