import ArgumentParser
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

  @Argument(help: "Name of the model.") var model: String
  @Option(help: "How many versions remain.") var keep: Int
  @Flag(help: "Only say what would go.") var dryRun = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let model = try ModelName(validating: model)
    if dryRun {
      let versions = try store.openForReading().cleanupCandidates(model, keep: keep)
      return Console.print(raw: Self.report(versions, of: model, verb: "would remove"))
    }
    try store.act { registry in
      Console.print(raw: Self.report(try registry.cleanup(model, keep: keep), of: model, verb: "removed"))
    } throughMount: { mount in
      Console.print(raw: try mount.body("cleanup", "\(model) \(keep)"))
    }
  }

  private static func report(_ versions: [VersionName], of model: ModelName, verb: String) -> String {
    versions.isEmpty ? "nothing to remove\n" : versions.map { "\(verb) \(model)/\($0)\n" }.joined()
  }
}
