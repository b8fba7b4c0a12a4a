import StoreRecords
import WeightRegistry

/// What `tantra status MODEL` tells: how a model stands now.
struct ModelStanding: Encodable {
  var model: ModelName
  /// nil if no version is active.
  var active: VersionName?
  /// Whether somebody made it active; false if it became so by itself.
  var isChosen: Bool
  /// The last switch.
  var lastSwitch: ActiveSwitch?
  /// Other links, and the versions that they lead to.
  var links: [String: VersionName]
  /// The version that was published last.
  var newest: VersionName?
  /// When that was, in nanoseconds since 1970.
  var newestPublished: Int64?
  var versionCount: Int
  var checkpointCount: Int
  /// Folders that hold no version yet.
  var drafts: [VersionName]
  /// What validations have found of its versions, and nobody has mended since.
  var damage: [DamageNote]
  /// The remote whose versions come by themselves; `no` for none.
  var follows: String
  /// How many editions can be restored.
  var restorableCount: Int

  /// - Throws: `unknownModel`.
  init(_ model: ModelName, in registry: WeightRegistry) throws(StoreError) {
    let records = registry.records
    guard records.hasFolder(model) else { throw records.unknown(model) }
    self.model = model
    active = records.activeVersion(of: model)
    let isByItself = try registry.freezing.isActiveByItself(model)
    isChosen = active != nil && !isByItself
    lastSwitch = try records.history(of: model).last
    links = [:]
    for (name, version) in records.aliases(of: model) { links[name.text] = version }
    let versions = try records.versions(of: model)
    for version in versions {
      let published = try records.manifest(of: model, version).published
      if published >= newestPublished ?? .min { (newest, newestPublished) = (version, published) }
    }
    checkpointCount = versions.count { records.isCheckpoint(model, $0) }
    versionCount = versions.count - checkpointCount
    drafts = try records.listing(of: model).drafts.sorted()
    follows = records.policies(of: model)[.follow]
    damage = records.knownDamage(of: model)
    restorableCount = try records.backups(of: model).count
  }

  var text: String {
    var lines = ["model      \(model)"]
    if let active {
      let hint = isChosen ? "" : ", by itself: nobody has chosen it, so its files may still be replaced"
      lines.append("active     \(active)\(hint)")
      if let lastSwitch, lastSwitch.to == active {
        lines.append(
          "           since \(Timestamp.text(lastSwitch.time)), by user \(lastSwitch.actor.userText), "
            + "process \(lastSwitch.actor.processText)" + (lastSwitch.isRollback ? ", a rollback" : ""))
      }
    } else {
      lines.append("active     none")
    }
    for (name, version) in links.sorted(by: { $0.key < $1.key }) { lines.append("link       \(name) -> \(version)") }
    if let newest, let newestPublished {
      lines.append("newest     \(newest), published \(Timestamp.text(newestPublished))")
    }
    lines.append(
      "versions   \(versionCount)"
        + (checkpointCount > 0
          ? ", and \(Console.count(checkpointCount, "checkpoint"))" : ""))
    for note in damage { lines.append("DAMAGED    \(note.version): tantra show \(model)/\(note.version) tells what") }
    if follows != "no" { lines.append("follows    \(follows)") }
    if !drafts.isEmpty { lines.append("drafts     \(drafts.map(\.text).joined(separator: " "))") }
    if restorableCount > 0 { lines.append("to restore \(restorableCount): tantra list-weights \(model) --all") }
    return lines.joined(separator: "\n")
  }
}
