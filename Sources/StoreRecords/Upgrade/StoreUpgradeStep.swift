/// How a store's records get from one format to the next. Blobs never change, so records are all there is to upgrade.
package struct StoreUpgradeStep: Sendable {
  /// What changes, for people.
  package var summary: String
  /// What becomes of the record at `path` (relative to the store: `models/mamba/v1.0.json`): itself and others, by path; a path
  /// that ends in a slash is that of a folder. Format numbers are written by the upgrade itself.
  package var rewrite: @Sendable (_ path: String, _ bytes: [UInt8]) throws(StoreError) -> [String: [UInt8]]

  package init(
    _ summary: String,
    rewrite: @escaping @Sendable (_ path: String, _ bytes: [UInt8]) throws(StoreError) -> [String: [UInt8]]
  ) {
    self.summary = summary
    self.rewrite = rewrite
  }

  /// The steps that this software knows: the first leads from format 1 to 2, and so on.
  package static let all = [historiesApart, anyPath, packedBlobs]

  /// To format 2, in which files may be stitched, too.
  private static let historiesApart = StoreUpgradeStep(
    "the switches of each model have a file of their own, and equal tensors of different files are stored once"
  ) { path, bytes throws(StoreError) in
    guard path == StoreFolder.configName else { return [path: bytes] }
    var config = try StoreCoding.decode(WeightConfig.self, from: bytes, what: path)
    var records: [String: [UInt8]] = [:]
    for (model, record) in config.models {
      let switches = record.history ?? []
      config.models[model]?.history = nil
      // Clocks are set back at times.
      guard let last = switches.map(\.time).max() else { continue }
      config.models[model]?.lastSwitch = last
      records["\(StoreFolder.historyName)/\(SwitchHistory.fileName(of: model))"] = try SwitchHistory.text(of: switches)
    }
    records[path] = try StoreCoding.encode(config, pretty: true)
    return records
  }

  /// The file in the staging folder that named all drafts before format 3.
  static let draftsName = "drafts.json"

  /// To format 3.
  private static let anyPath = StoreUpgradeStep(
    "weight files may have any name, and each version's folder has a record of its own"
  ) { path, bytes throws(StoreError) in
    switch path.prefix(while: { $0 != "/" }) {
    case "models", "checkpoints":
      let manifest = try Manifest.read(bytes, what: path)
      return [path: try StoreCoding.encode(manifest, pretty: true)]
    case "backups":
      let record = try StoreCoding.decode(BackupRecord.self, from: bytes, what: path)
      return [path: try StoreCoding.encode(record, pretty: true)]
    case ".staging": return try LegacyDrafts.journals(bytes, what: path)
    default: return [path: bytes]
    }
  }

  /// To format 4, the first whose blobs may be compressed.
  private static let packedBlobs = StoreUpgradeStep("weights may be compressed") { path, bytes in [path: bytes] }

  /// The first format that knows of compressed blobs.
  static let firstWithPackedBlobs = 4
}
