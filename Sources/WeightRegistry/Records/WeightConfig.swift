/// `weight_config.json`: what is decided about each model, rather than stored. Kept small; versions are not listed here.
package struct WeightConfig: Sendable, Hashable, Codable {
  /// The store format that this software writes and the newest that it reads.
  package static let currentFormat = 1

  package struct Model: Sendable, Hashable, Codable {
    /// The version that the model's users get.
    package var active: VersionName?
    /// Names of other symbolic links, and the versions they point to.
    package var aliases: [VersionName: VersionName]
    /// How `active` got where it is, oldest first; the last ``historyLimit`` switches.
    package var history: [ActiveSwitch]
    /// nil if all have their defaults.
    package var policies: ModelPolicies?

    /// How many switches are remembered.
    package static let historyLimit = 100

    package init(
      active: VersionName? = nil, aliases: [VersionName: VersionName] = [:], history: [ActiveSwitch] = []
    ) {
      self.active = active
      self.aliases = aliases
      self.history = history
    }

    package init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      active = try container.decodeIfPresent(VersionName.self, forKey: .active)
      aliases = try container.decodeIfPresent([VersionName: VersionName].self, forKey: .aliases) ?? [:]
      history = try container.decodeIfPresent([ActiveSwitch].self, forKey: .history) ?? []
      policies = try container.decodeIfPresent(ModelPolicies.self, forKey: .policies)
    }
  }

  package var format: Int
  package var models: [ModelName: Model]

  package init() {
    format = Self.currentFormat
    models = [:]
  }
}
