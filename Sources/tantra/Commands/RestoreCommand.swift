import ArgumentParser
import WeightRegistry

/// `tantra restore MODEL VERSION`
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Bring a removed version back.",
    discussion: """
      Takes what was removed last, else the newest backup. A version that exists is not replaced.
      """)

  @Argument(help: "Name of the model.") var model: String
  @Argument(help: "Name of the version.") var version: String
  @OptionGroup var store: StoreOptions

  func run() throws {
    let model = try ModelName(validating: model)
    let version = try VersionName(validating: version)
    try store.act { registry in
      try registry.restore(model, version)
      Console.print("\(model)/\(version): restored")
    } throughMount: { mount in
      Console.print(raw: try mount.body("restore", "\(model)/\(version)"))
    }
  }
}
