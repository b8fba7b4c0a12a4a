package import StoreRecords

/// Something that happened to a store.
package struct StoreEvent: Sendable, Hashable, Codable {
  package enum Kind: String, Sendable, Codable, CaseIterable {
    /// A folder without weights has come.
    case appeared
    case published
    /// Other weights have come under a version's name; the edition that was there is kept.
    case replaced
    case restored
    /// A backup was made.
    case pinned
    /// A version became active.
    case activated
    /// No version is active any more.
    case deactivated
    /// A link was made, or leads elsewhere.
    case linked
    case unlinked
    case removed
    /// What was kept of a version is gone for good.
    case purged
    case configured
    /// A validation has found damage, or a record cannot be read.
    case damaged
  }

  /// Nanoseconds since 1970.
  package var time: Int64
  package var event: Kind
  /// nil for all models.
  package var model: ModelName?
  package var version: VersionName?
  /// The number of what is kept: `v1.0@3`.
  package var number: Int?
  /// The version that was active before, or that the link led to.
  package var from: VersionName?
  /// The link's name.
  package var link: VersionName?
  /// On whose behalf, where that is known.
  package var actor: Actor?
  /// More about it, for people.
  package var details: String?

  init(_ event: Kind, _ model: ModelName?, _ version: VersionName? = nil, at time: Int64 = Timestamp.now()) {
    self.time = time
    self.event = event
    self.model = model
    self.version = version
  }

  /// A line for people.
  package var text: String {
    let subject = (model?.text ?? "all models") + (version.map { "/\($0)" } ?? "") + (number.map { "@\($0)" } ?? "")
    let what =
      switch event {
      case .activated: from.map { ", after \($0)" } ?? ""
      case .linked: link.map { " as \($0)" + (from.map { ", after \($0)" } ?? "") } ?? ""
      case .unlinked: link.map { ", which was \($0)" } ?? ""
      case .deactivated: from.map { ", which was \($0)" } ?? ""
      default: ""
      }
    let who = actor.map { "  by user \($0.userText), process \($0.processText)" } ?? ""
    return "\(Timestamp.text(time))  \(event.rawValue.padded(to: 11))  \(subject)\(what)"
      + (details.map { ": \($0)" } ?? "") + who
  }
}
