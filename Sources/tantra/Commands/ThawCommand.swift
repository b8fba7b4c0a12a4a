import ArgumentParser
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra thaw [MODEL [VERSION]]`
struct ThawCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "thaw",
    abstract: "Take back what tantra compress did: plain files, read at full speed.",
    discussion: """
      Every byte is compared with its digest before the plain file takes the place of the compressed one. Ctrl-C stops it; what is \
      plain by then stays so. A model's policy compress may compress the version again, unless it is active.

      Exit codes: 0 done, or nothing to do; 1 something is damaged, and was left as it is.
      """)

  @Argument(
    help: "Name of the model, or MODEL/VERSION; all models if left out.", completion: StoreCompletion.versionsOfModels)
  var model: String?
  @Argument(help: "Name of the version; all versions if left out.", completion: StoreCompletion.versions)
  var version: String?
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let names = try self.model.map { try VersionArguments.names($0, self.version) }
    let bar = ProgressBar(VersionArguments.title(names))
    defer { bar.finish() }
    Interruption.watch()
    let report = try store.changingClient.thaw(
      names?.model, names?.version, progress: Interruption.stopping(bar.handler))
    bar.finish()
    try CompressCommand.print(report, json)
  }
}
