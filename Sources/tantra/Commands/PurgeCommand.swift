import ArgumentParser
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra purge [MODEL [VERSION]] [--older-than D]`
struct PurgeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "purge",
    abstract: "Forget removed versions for good, and free their space.",
    discussion: """
      Backups stay, but for one that is named: VERSION@NUMBER, as list-weights --all shows it. Whatever no version and no backup needs is removed from the disk; files that are open stay readable \
      for those who have them. Packs of which less than half is still needed give way to smaller ones.
      """, aliases: ["gc"])

  @Argument(
    help: "Name of the model, or MODEL/VERSION; all models if left out.", completion: StoreCompletion.editionsOfModels)
  var model: String?
  @Argument(
    help: "Name of the version, or VERSION@NUMBER; all versions if left out.", completion: StoreCompletion.editions)
  var version: String?
  @Option(help: "Only what was removed at least that long ago: 30d, 1w, 12h, 30m, 10s.") var olderThan = TimeSpan(
    seconds: 0)
  @Flag(help: "Only tell what would go and how much that would free.") var dryRun = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let named = try self.model.map { try VersionArguments.edition($0, self.version) }
    let (model, version, number) = (named?.model, named?.edition?.version, named?.edition?.number)
    let bar = ProgressBar(VersionArguments.title(model.map { ($0, version) }))
    defer { bar.finish() }
    Interruption.watch()
    let progress = Interruption.stopping(bar.handler)
    // A dry run changes nothing, and so does not need the mount that may have the store.
    let report =
      dryRun
      ? try store.openForReading().retention.purge(
        model, version, number: number, olderThan: try ControlRequest.nanoseconds(olderThan.seconds), isDryRun: true,
        progress: progress
      )
      : try store.changingClient.purge(model, version, number: number, olderThan: olderThan.seconds, progress: progress)
    bar.finish()
    if json { try Console.print(json: report) } else { Console.print(raw: report.text) }
  }
}
