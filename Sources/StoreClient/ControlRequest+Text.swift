package import StoreRecords

/// Requests as people write them.
extension ControlRequest {
  /// Reads a line that somebody wrote to a control file.
  ///
  /// | file     | lines                                       |
  /// | -------- | ------------------------------------------- |
  /// | active   | `mamba/v1.1`, `mamba previous`              |
  /// | backup   | `mamba/v1.0`                                |
  /// | cleanup  | `mamba 3`, `mamba`                          |
  /// | compress | `all`, `mamba`, `mamba/v1.1`, `mamba/v1.1 v1.0`, `mamba/v1.1 none` |
  /// | config   | `mamba keep 5`, `mamba keep`, `all keep 5`  |
  /// | pull     | `oci:/srv/models:v1.1`, `ghcr.io/team/mamba:live` |
  /// | purge    | `all`, `mamba`, `mamba/v1.0`, `mamba 86400` |
  /// | remove   | `mamba/v1.0`, `mamba`                       |
  /// | restore  | `mamba/v1.0`, `mamba/v1.0@3`                |
  /// | tag      | `mamba/v1.0 stable`                         |
  /// | thaw     | `all`, `mamba`, `mamba/v1.0`                |
  /// | validate | `all`, `mamba`, `mamba/v1.0`                |
  ///
  /// - Throws: `invalidName`, with what was expected.
  package init(_ text: String, to control: Control) throws(StoreError) {
    let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
    switch control {
    case .active:
      if text.hasSuffix(" previous") {
        self = .rollback(model: try ModelName(validating: text.dropLast(" previous".count)))
      } else {
        let (model, version) = try Self.version(text)
        self = .setActive(model: model, version: version)
      }
    case .backup:
      let (model, version) = try Self.version(text)
      self = .backup(model: model, version: version)
    case .pull: self = .pull(remote: text, model: nil, version: nil, activating: false)
    case .restore:
      let (model, edition) = try Self.edition(text)
      self = .restore(model: model, version: edition.version, number: edition.number)
    case .remove:
      guard case let (model?, version) = try Self.target(text) else {
        throw StoreError(.invalidName, "expected MODEL/VERSION or MODEL, found \"\(text)\"")
      }
      self = .remove(model: model, version: version)
    case .tag:
      guard words.count == 2 else {
        throw StoreError(.invalidName, "expected MODEL/VERSION and a name for it, found \"\(text)\"")
      }
      let (model, version) = try Self.version(words[0])
      self = .tag(model: model, version: version, name: try VersionName(validating: words[1]))
    case .cleanup:
      let keep = words.count == 2 ? Int(words[1]) : nil
      guard words.count == 1 || keep != nil else {
        throw StoreError(.invalidName, "expected MODEL and the number of versions to keep, found \"\(text)\"")
      }
      self = .cleanup(model: try ModelName(validating: words[0]), keep: keep)
    case .config:
      guard [2, 3].contains(words.count) else {
        throw StoreError(.invalidName, "expected MODEL or all, a policy and its value, found \"\(text)\"")
      }
      self = .setPolicy(
        model: words[0] == "all" ? nil : try ModelName(validating: words[0]), key: try PolicyKey(validating: words[1]),
        value: words.count == 3 ? words[2] : nil)
    case .purge:
      guard [1, 2].contains(words.count), let age = words.count == 2 ? Int64(words[1]) : 0 else {
        throw StoreError(.invalidName, "expected a target and perhaps an age in seconds, found \"\(text)\"")
      }
      if words[0].contains("@") {
        let (model, edition) = try Self.edition(words[0])
        self = .purge(model: model, version: edition.version, olderThan: age, number: edition.number)
      } else {
        let (model, version) = try Self.target(words[0])
        self = .purge(model: model, version: version, olderThan: age)
      }
    case .compress:
      guard [1, 2].contains(words.count) else {
        throw StoreError(.invalidName, "expected a target and perhaps a base, found \"\(text)\"")
      }
      let (model, version) = try Self.target(words[0])
      self = .compress(model: model, version: version, base: words.count == 2 ? words[1] : nil)
    case .thaw:
      let (model, version) = try Self.target(text)
      self = .thaw(model: model, version: version)
    case .validate:
      let (model, version) = try Self.target(text)
      self = .validate(model: model, version: version)
    }
  }

  /// Reads `mamba/v1.0`.
  private static func version(_ text: String) throws(StoreError) -> (ModelName, VersionName) {
    guard case let (model?, version?) = try target(text) else {
      throw StoreError(.invalidName, "expected MODEL/VERSION, found \"\(text)\"")
    }
    return (model, version)
  }

  /// Reads `mamba/v1.0` or `mamba/v1.0@2`.
  private static func edition(_ text: String) throws(StoreError) -> (ModelName, VersionEdition) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw StoreError(.invalidName, "expected MODEL/VERSION or MODEL/VERSION@NUMBER, found \"\(text)\"")
    }
    return (try ModelName(validating: parts[0]), try VersionEdition(validating: parts[1]))
  }

  /// Reads `all`, `mamba` or `mamba/v1.0`.
  private static func target(_ text: String) throws(StoreError) -> (ModelName?, VersionName?) {
    if text == "all" { return (nil, nil) }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2 else {
      throw StoreError(.invalidName, "expected MODEL, MODEL/VERSION or all, found \"\(text)\"")
    }
    let model = try ModelName(validating: parts[0])
    return (model, parts.count == 2 ? try VersionName(validating: parts[1]) : nil)
  }

  /// The request as people write it.
  package var text: String {
    func target(_ model: ModelName?, _ version: VersionName?) -> String {
      model.map { model in version.map { "\(model)/\($0)" } ?? model.text } ?? "all"
    }
    return switch self {
    case .setActive(let model, let version), .backup(let model, let version): "\(model)/\(version)"
    case .restore(let model, let version, let number): "\(model)/\(VersionEdition(version, number))"
    case .tag(let model, let version, let name): "\(model)/\(version) \(name)"
    case .remove(let model, let version): target(model, version)
    case .rollback(let model): "\(model) previous"
    case .cleanup(let model, let keep): model.text + (keep.map { " \($0)" } ?? "")
    case .purge(let model, let version, let age, let number):
      target(model, version) + (number.map { "@\($0)" } ?? "") + (age == 0 ? "" : " \(age)")
    case .setPolicy(let model, let key, let value):
      "\(model?.text ?? "all") \(key.rawValue)" + (value.map { " \($0)" } ?? "")
    case .compress(let model, let version, let base): target(model, version) + (base.map { " \($0)" } ?? "")
    case .thaw(let model, let version), .validate(let model, let version):
      target(model, version)
    case .pull(let remote, _, _, _, _, _): remote
    }
  }
}
