import WeightFormats

/// What has been decided about how a model is handled. Part of `weight_config.json`; what is not set has its default.
package struct ModelPolicies: Sendable, Hashable, Codable {
  /// What becomes of sidecars that are pickles and would do more than hold data (`training_args.bin`).
  package enum Pickles: String, Sendable, Codable, CaseIterable {
    /// They are listed and kept, and cannot be opened.
    case quarantine
    /// They can be opened like any file.
    case allow
  }

  /// Which versions' files must not change.
  package enum Frozen: String, Sendable, Codable, CaseIterable {
    case always
    /// Those that somebody has made active or given an alias, and those with a backup.
    case chosen
    case never
  }

  /// How many versions a cleanup leaves that was not told; nil if it has to be told.
  package var keep: Int?
  /// Whether a version is validated, and has to pass, before it becomes active. Not asked of one that is imported as the
  /// active version: it is checked while it is read.
  package var validatesBeforeActivating = false
  package var pickles = Pickles.quarantine
  package var frozen = Frozen.chosen
  /// The view that is exported if none is named.
  package var defaultFormat = "safetensors"

  package init() {}

  private enum CodingKeys: String, CodingKey {
    case keep, validatesBeforeActivating, pickles, frozen, defaultFormat
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    keep = try container.decodeIfPresent(Int.self, forKey: .keep)
    if let keep, keep < 0 {
      throw DecodingError.dataCorruptedError(forKey: .keep, in: container, debugDescription: "expected 0 or more")
    }
    let defaults = ModelPolicies()
    validatesBeforeActivating =
      try container.decodeIfPresent(Bool.self, forKey: .validatesBeforeActivating) ?? defaults.validatesBeforeActivating
    pickles = try container.decodeIfPresent(Pickles.self, forKey: .pickles) ?? defaults.pickles
    frozen = try container.decodeIfPresent(Frozen.self, forKey: .frozen) ?? defaults.frozen
    defaultFormat = try container.decodeIfPresent(String.self, forKey: .defaultFormat) ?? defaults.defaultFormat
  }
}

/// A policy by the name under which people set it.
package enum PolicyKey: String, Sendable, CaseIterable, Codable {
  case keep
  case validateBeforeActivate = "validate-before-activate"
  case pickles
  case frozen
  case defaultFormat = "default-format"

  /// What it decides, for people.
  package var explanation: String {
    switch self {
    case .keep: "how many versions cleanup leaves when --keep is not given"
    case .validateBeforeActivate:
      "whether set-active, rollback and import --active validate a version first, and refuse one with damage"
    case .pickles: "whether files beside the weights that are pickles, and would run code, can be opened"
    case .frozen: "which versions' files are neither changed, replaced, renamed nor removed"
    case .defaultFormat: "the format that export writes when --format is not given"
    }
  }

  /// Which values it takes, for people.
  package var values: String {
    switch self {
    case .keep: "a number, or none"
    case .validateBeforeActivate: "yes or no"
    case .pickles: ModelPolicies.Pickles.allCases.map(\.rawValue).joined(separator: " or ")
    case .frozen: "always, chosen (made active, given an alias, or backed up) or never"
    case .defaultFormat: WeightFormatCatalogue.views.map(\.name).joined(separator: ", ") + " or all"
    }
  }

  /// - Throws: `invalidName`, with what there is.
  package init(validating text: String) throws(StoreError) {
    guard let key = PolicyKey(rawValue: text) else {
      throw StoreError(
        .invalidName,
        "there is no policy \"\(text)\"" + NearMatch.hint(for: text, among: PolicyKey.allCases.map(\.rawValue)))
    }
    self = key
  }
}

extension ModelPolicies {
  /// The value of a policy as people write it.
  package subscript(key: PolicyKey) -> String {
    switch key {
    case .keep: keep.map(String.init) ?? "none"
    case .validateBeforeActivate: validatesBeforeActivating ? "yes" : "no"
    case .pickles: pickles.rawValue
    case .frozen: frozen.rawValue
    case .defaultFormat: defaultFormat
    }
  }

  /// Sets a policy to what people wrote; nil sets it to its default.
  ///
  /// - Throws: `invalidName`, with the values that the policy takes.
  package mutating func set(_ key: PolicyKey, to text: String?) throws(StoreError) {
    let text = text ?? ModelPolicies()[key]
    switch key {
    case .keep:
      guard text == "none" || Int(text).map({ $0 >= 0 }) == true else { throw Self.refusal(of: text, for: key) }
      keep = Int(text)
    case .validateBeforeActivate:
      guard ["yes", "no", "true", "false"].contains(text) else { throw Self.refusal(of: text, for: key) }
      validatesBeforeActivating = text == "yes" || text == "true"
    case .pickles:
      guard let value = Pickles(rawValue: text) else { throw Self.refusal(of: text, for: key) }
      pickles = value
    case .frozen:
      guard let value = Frozen(rawValue: text) else { throw Self.refusal(of: text, for: key) }
      frozen = value
    case .defaultFormat:
      guard text == "all" || WeightFormatCatalogue.view(named: text) != nil else {
        throw Self.refusal(of: text, for: key)
      }
      defaultFormat = text
    }
  }

  private static func refusal(of text: String, for key: PolicyKey) -> StoreError {
    StoreError(.invalidName, "\(key.rawValue) cannot be \"\(text)\": expected \(key.values)")
  }
}
