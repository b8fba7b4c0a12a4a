import ArgumentParser
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra cleanup MODEL --keep N`
struct CleanupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanup",
    abstract: "Remove old versions until N remain.",
    discussion: """
      Training checkpoints go first, then the oldest versions. The active version, those that aliases point to and those \
      with a backup stay. What goes can be restored until it is purged, and takes its space until then.
      """)

  @Argument(help: "Name of the model.", completion: StoreCompletion.models) var model: String
  @Option(help: "How many versions remain; if left out, as many as the policy keep of the model says.") var keep: Int?
  @Flag(help: "Only say what would go.") var dryRun = false
  @Flag(help: "Print JSON: the names of the versions.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let model = try VersionArguments.model(model, forVersions: "rm")
    let versions =
      dryRun
      ? try store.openForReading().retention.cleanupCandidates(model, keep: keep)
      : try store.changingClient.cleanup(model, keep: keep)
    if json { return try Console.print(json: versions) }
    if versions.isEmpty { Console.print("nothing to remove") }
    for version in versions { Console.print("\(dryRun ? "would remove" : "removed") \(model)/\(version)") }
  }
}
