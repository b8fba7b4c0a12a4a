import ArgumentParser
import WeightRegistry

/// `tantra backup MODEL VERSION`
struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Pin a version, so that it stays restorable.",
    discussion: """
      A backup costs no space while the version exists. Cleanup leaves a version that has one, and purge leaves the backup.
      """)

  @Argument(help: "Name of the model.") var model: String
  @Argument(help: "Name of the version.") var version: String
  @OptionGroup var store: StoreOptions

  func run() throws {
    let model = try ModelName(validating: model)
    let version = try VersionName(validating: version)
    try store.act { registry in
      let record = try registry.backup(model, version)
      Console.print("\(model)/\(version): pinned as backup \(record.number)")
    } throughMount: { mount in
      Console.print(raw: try mount.body("backup", "\(model)/\(version)"))
    }
  }
}
