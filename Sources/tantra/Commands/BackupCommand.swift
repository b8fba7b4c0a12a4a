import ArgumentParser
import WeightRegistry

/// `tantra backup MODEL VERSION`
struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Pin a version, so that it stays restorable.",
    discussion: """
      A backup costs no space while the version exists. Cleanup leaves a version that has one, and purge leaves the backup.

      With --to the version is first copied, with all it needs, into another store, which is made if it is missing, and \
      validated there: a disk of its own, or a folder to hand on. `tantra mount --store DIR` mounts it.
      """)

  @Argument(help: "Name of the model.") var model: String
  @Argument(help: "Name of the version.") var version: String
  @Option(help: "Also copy it into the store in this folder.") var to: String?
  @OptionGroup var store: StoreOptions

  func run() throws {
    let model = try ModelName(validating: model)
    let version = try VersionName(validating: version)
    if let to {
      let bar = ProgressBar("\(model)/\(version)")
      defer { bar.finish() }
      let report = try store.openForReading().copy(model, version, toStoreAt: to, progress: bar.handler)
      bar.finish()
      Console.print(
        "\(model)/\(version): copied to \(to): \(report.blobs) blobs, \(Console.size(report.byteCount)); valid")
    }
    try store.act { registry in
      let record = try registry.backup(model, version)
      Console.print("\(model)/\(version): pinned as backup \(record.number)")
    } throughMount: { mount in
      Console.print(raw: try mount.body("backup", "\(model)/\(version)"))
    }
  }
}
