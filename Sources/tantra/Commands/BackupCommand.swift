import ArgumentParser
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra backup MODEL VERSION`
struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Pin a version, so that it stays restorable.",
    discussion: """
      A backup costs no space while the version exists. Cleanup leaves a version that has one, and purge leaves the backup.

      With --to the version is first copied, with all it needs, into another store, which is made if it is missing, and \
      validated there: a disk of its own, or a folder to hand on. `tantra mount --store DIR` mounts it. Files that would run \
      code when they are unpickled are left out, and named, unless the model's policy pickles allows them.
      """)

  @OptionGroup var target: VersionArguments
  @Option(help: "Also copy it into the store in this folder.", completion: .directory) var to: String?
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Report: Encodable {
    var model: ModelName
    var version: VersionName
    /// The number of the backup.
    var backup: Int
    var copy: CopyReport?
  }

  func run() throws {
    let found = try VersionArguments.names(target.model, target.version, in: store)
    let (model, version) = (found.model, try VersionArguments.require(found.version, of: found.model))
    var copy: CopyReport?
    if let to {
      guard try !store.client.isStore(at: to) else {
        throw CommandFailure(.usage, "\(to) is the store that the version is in: name another one")
      }
      let bar = ProgressBar("\(model)/\(version)")
      defer { bar.finish() }
      Interruption.watch()
      let report = try NewStore.whereMissing(at: to) {
        try store.openForReading().copy(
          model, version, toStoreAt: to, progress: Interruption.stopping(bar.handler))
      }
      bar.finish()
      if !json {
        Console.print(
          "\(model)/\(version): copied to \(to), \(Console.size(report.byteCount)); valid")
      }
      for file in report.leftOut where !json {
        Console.error(WithheldFile.message(file.path, file.reason, of: model))
      }
      copy = report
    }
    let number = try store.changingClient.backup(model, version)
    if json { return try Console.print(json: Report(model: model, version: version, backup: number, copy: copy)) }
    Console.print("\(model)/\(version): pinned as backup \(number)")
  }
}
