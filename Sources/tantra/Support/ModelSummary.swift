import StoreRecords

/// What `tantra show` tells of a model.
struct ModelSummary: Encodable {
  struct Version: Encodable {
    var name: VersionName
    var links: [String]
    var isCheckpoint: Bool
    /// Whether its last validation found damage.
    var isDamaged: Bool
    /// Nanoseconds since 1970.
    var published: Int64
    var parameterCount: Int
    var source: String
  }

  struct File: Encodable {
    var path: String
    var byteCount: Int
  }

  var model: ModelName
  var active: VersionName?
  var links: [String: VersionName]
  var versions: [Version]
  /// Files in the model's own folder.
  var files: [File]
  /// Folders that hold no version yet.
  var drafts: [VersionName]
  /// Versions that are kept only to be restored: backups, and what was removed or replaced.
  var kept: [String]
  var policies: [String: String]

  init(_ model: ModelName, in records: RecordStore) throws(StoreError) {
    self.model = model
    files = (try records.folder(of: model, .own)?.shownFiles ?? []).map { File(path: $0.path, byteCount: $0.byteCount) }
    // A model without versions may have files.
    if files.isEmpty { try records.require(model) }
    active = records.activeVersion(of: model)
    links = [:]
    for (name, version) in records.aliases(of: model) { links[name.text] = version }
    versions = []
    let damaged = Set(records.knownDamage(of: model).map(\.version))
    for name in records.contains(model) ? try records.versions(of: model) : [] {
      let manifest = try records.manifest(of: model, name)
      versions.append(
        Version(
          name: name, links: records.links(to: name, of: model), isCheckpoint: records.isCheckpoint(model, name),
          isDamaged: damaged.contains(name),
          published: manifest.published, parameterCount: manifest.counts.parameterCount,
          source: manifest.provenance.source))
    }
    drafts = try records.listing(of: model).drafts.sorted()
    kept = try records.backups(of: model).map(\.edition.description)
    let decided = records.policies(of: model)
    policies = [:]
    for key in PolicyKey.allCases { policies[key.rawValue] = decided[key] }
  }

  var text: String {
    var lines = [
      Console.table(
        ["VERSION", "", "PARAMETERS", "PUBLISHED", "FROM"],
        versions.map { version in
          [
            version.name.text,
            ((version.isCheckpoint ? ["checkpoint"] : []) + version.links + (version.isDamaged ? ["damaged"] : []))
              .joined(separator: " "),
            Console.grouped(version.parameterCount), Timestamp.text(version.published), version.source,
          ]
        }, mark: 1)
    ]
    if !files.isEmpty {
      let shown = files.map { "\($0.path) (\(Console.size($0.byteCount)))" }
      lines.append("in its own folder, as no version: \(shown.joined(separator: ", "))")
    }
    if !drafts.isEmpty { lines.append("no version yet: \(drafts.map(\.text).joined(separator: " "))") }
    if !kept.isEmpty { lines.append("can be restored: \(kept.joined(separator: " "))") }
    lines.append(
      "policies: " + policies.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    return lines.joined(separator: "\n")
  }
}
