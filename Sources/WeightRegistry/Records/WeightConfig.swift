/// `weight_config.json`: what is decided about each model, rather than stored. Kept small; versions are not listed here.
package struct WeightConfig: Sendable, Hashable, Codable {
  /// The store format of new stores, and the newest that this software reads and writes.
  package static let currentFormat = 1 + StoreUpgradeStep.all.count
  /// The oldest store format that this software reads and writes.
  package static let oldestFormat = 1

  package struct Model: Sendable, Hashable, Codable {
    /// The version that the model's users get.
    package var active: VersionName?
    /// Names of other symbolic links, and the versions they point to.
    package var aliases: [VersionName: VersionName]
    /// How `active` got where it is, oldest first; the last ``historyLimit`` switches.
    package var history: [ActiveSwitch]
    /// nil if all have their defaults.
    package var policies: ModelPolicies?

    /// A switch to a version that is about to be published. It takes effect with that version's manifest, so that both come
    /// at once; without it, it counts for nothing.
    package var pending: ActiveSwitch?

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
      pending = try container.decodeIfPresent(ActiveSwitch.self, forKey: .pending)
    }

    /// Makes another version active, and remembers the switch.
    mutating func apply(_ change: ActiveSwitch) {
      active = change.to
      history.append(change)
      if history.count > Self.historyLimit { history.removeFirst(history.count - Self.historyLimit) }
    }
  }

  package var format: Int
  package var models: [ModelName: Model]

  package init() {
    format = Self.currentFormat
    models = [:]
  }

  /// Carries out the pending switch of a model, whose version is there.
  mutating func settle(_ model: ModelName) {
    guard let change = models[model]?.pending else { return }
    models[model]?.pending = nil
    models[model]?.apply(change)
  }
}
