import ArgumentParser
import Glibc
import WeightRegistry

/// `tantra rollback MODEL`
struct RollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Make the version active that was so before.",
    discussion: """
      Takes the last switch back; once more, the one before it. Versions that are gone are passed over. \
      `tantra history MODEL` shows the switches.
      """)

  @Argument(help: "Name of the model.") var model: String
  @OptionGroup var store: StoreOptions

  func run() throws {
    let model = try ModelName(validating: model)
    try store.act { registry in
      let change = try registry.rollback(model)
      Console.print("\(model): \(change.from.map { "\($0) -> " } ?? "")\(change.to)")
    } throughMount: { mount in
      Console.print(raw: try mount.succeed("active", "\(model) previous"))
    }
  }
}
