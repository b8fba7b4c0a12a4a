import ArgumentParser
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra compress [MODEL [VERSION]]`
struct CompressCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compress",
    abstract: "Let versions that nobody serves take less room, without loss.",
    discussion: """
      What a program reads stays the same, byte for byte, and is read more slowly: weights in BF16 take about a third less, in F32 \
      about a sixth. Each file is written anew, read again and compared before it takes the place of the plain one; what would shrink \
      by less than a tenth stays plain. Ctrl-C stops it; what is compressed by then stays so.

      A file may become the difference from another version's, if that saves at least a tenth of its size more: of versions that are alike, \
      as checkpoints of one training, or what was trained on from another, little is left then. The active version, the oldest one and the \
      nearest before are tried, or the one that --base names. What others are differences from stays for as long as they do.

      Without a version, what the policy compress of the models calls cold is compressed: a mounted store does that by itself. \
      tantra thaw takes it back.

      Exit codes: 0 done, or nothing to do; 1 something is damaged, and was left as it is.
      """)

  @Argument(
    help: "Name of the model, or MODEL/VERSION; all models if left out.", completion: StoreCompletion.versionsOfModels)
  var model: String?
  @Argument(help: "Name of the version; what the policies call cold if left out.", completion: StoreCompletion.versions)
  var version: String?
  @Option(
    help: ArgumentHelp(
      "The version, or MODEL/VERSION, that files may become differences from; none for none.", valueName: "version|none"
    ),
    completion: StoreCompletion.versions)
  var base: String?
  @Flag(help: "Only estimate, from samples, what that would save.") var dryRun = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let names = try self.model.map { try VersionArguments.names($0, self.version) }
    let bar = ProgressBar(VersionArguments.title(names))
    defer { bar.finish() }
    Interruption.watch()
    let progress = Interruption.stopping(bar.handler)
    // An estimate changes nothing, and so does not need the mount that may have the store.
    let report =
      dryRun
      ? try store.openForReading().compression.compress(
        names?.model, names?.version, from: CompressionBase(base), isDryRun: true, progress: progress)
      : try store.changingClient.compress(names?.model, names?.version, from: base, progress: progress)
    bar.finish()
    try CompressCommand.print(report, json)
  }

  /// Prints a report, and fails if something is damaged.
  static func print(_ report: CompressionReport, _ isJSON: Bool) throws {
    if isJSON { try Console.print(json: report) } else { Console.print(raw: report.text) }
    if !report.damaged.isEmpty { throw ExitCode(CommandFailure.Status.failed.rawValue) }
  }
}
