/// `weight_config.json`: what is decided about each model, rather than stored. Kept small; versions are not listed here.
package struct WeightConfig: Sendable, Hashable, Codable {
  /// The store format that this software writes, and the newest that it reads.
  package static let currentFormat = 1 + StoreUpgradeStep.all.count
  /// The oldest store format that this software reads.
  package static let oldestFormat = 1

  /// Bytes that `weight_config.json` may have: for reading and writing alike.
  static let byteLimit = 64 << 20

  package struct Model: Sendable, Hashable, Codable {
    /// The version that the model's users get.
    package var active: VersionName?
    /// Names of other symbolic links, and the versions they point to.
    package var aliases: [VersionName: VersionName]
    /// When each of those links was made or re-pointed, in nanoseconds since 1970; nil if none was since that is kept.
    package private(set) var aliasTimes: [VersionName: Int64]?
    /// In a store of format 1, how `active` got where it is, oldest first; the last ``historyLimit`` switches.
    package var history: [ActiveSwitch]?
    /// From format 2 on, the time of the last switch in ``SwitchHistory`` that has taken effect; nil if there was none.
    package var lastSwitch: Int64?
    /// Whether somebody wanted the active version to be that one; nil for what the history says: the first to become active did so
    /// by itself.
    package var isChosen: Bool?
    /// What was decided about the model alone; nil if nothing was.
    package var policies: PolicySettings?

    /// A switch to a version that is about to be published. It takes effect with that version's manifest, so that both come
    /// at once; without it, it counts for nothing.
    package var pending: ActiveSwitch?

    /// How many switches are remembered.
    package static let historyLimit = 100

    package init(active: VersionName? = nil, aliases: [VersionName: VersionName] = [:]) {
      self.active = active
      self.aliases = aliases
    }

    /// Makes another version active, and remembers the switch.
    mutating func apply(_ change: ActiveSwitch) {
      active = change.to
      lastSwitch = change.time
      isChosen = nil
    }

    /// Lets the pending switch, whose version is there, take effect.
    mutating func completeSwitch() {
      if let pending { apply(pending) }
      pending = nil
    }

    /// Remembers when links changed: now.
    mutating func noteAliasTimes(since before: Model, at time: Int64) {
      guard aliases != before.aliases else { return }
      var times = (aliasTimes ?? [:]).filter { aliases[$0.key] != nil }
      for (name, version) in aliases where before.aliases[name] != version { times[name] = time }
      aliasTimes = times.isEmpty ? nil : times
    }

    private enum CodingKeys: String, CodingKey {
      case active, aliases, aliasTimes, history, lastSwitch, isChosen = "chosen", policies, pending
    }

    package init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      active = try container.decodeIfPresent(VersionName.self, forKey: .active)
      aliases = try container.decodeIfPresent([VersionName: VersionName].self, forKey: .aliases) ?? [:]
      aliasTimes = try container.decodeIfPresent([VersionName: Int64].self, forKey: .aliasTimes)
      history = try container.decodeIfPresent([ActiveSwitch].self, forKey: .history)
      lastSwitch = try container.decodeIfPresent(Int64.self, forKey: .lastSwitch)
      isChosen = try container.decodeIfPresent(Bool.self, forKey: .isChosen)
      policies = try container.decodeIfPresent(PolicySettings.self, forKey: .policies)
      pending = try container.decodeIfPresent(ActiveSwitch.self, forKey: .pending)
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(active, forKey: .active)
      if !aliases.isEmpty { try container.encode(aliases, forKey: .aliases) }
      try container.encodeIfPresent(aliasTimes, forKey: .aliasTimes)
      try container.encodeIfPresent(history, forKey: .history)
      try container.encodeIfPresent(lastSwitch, forKey: .lastSwitch)
      try container.encodeIfPresent(isChosen, forKey: .isChosen)
      try container.encodeIfPresent(policies, forKey: .policies)
      try container.encodeIfPresent(pending, forKey: .pending)
    }
  }

  package var format: Int
  package var models: [ModelName: Model]
  /// What was decided about all models.
  package var policies = PolicySettings()

  package init() {
    format = Self.currentFormat
    models = [:]
  }

  private enum CodingKeys: String, CodingKey {
    case format, models, policies
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    format = try container.decode(Int.self, forKey: .format)
    policies = try container.decodeIfPresent(PolicySettings.self, forKey: .policies) ?? .init()
    models = [:]
    // As text first: that is far quicker than a decoder for each name, and there may be thousands.
    for (text, record) in try container.decode([String: Model].self, forKey: .models) {
      guard let name = ModelName(text) else {
        throw DecodingError.dataCorruptedError(
          forKey: .models, in: container, debugDescription: "\"\(text)\" is not a valid model name")
      }
      models[name] = record
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(format, forKey: .format)
    try container.encode(models, forKey: .models)
    if !policies.isEmpty { try container.encode(policies, forKey: .policies) }
  }
}
