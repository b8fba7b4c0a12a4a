import ArgumentParser
import Glibc
import StoreClient
import StoreRecords

/// `tantra rollback MODEL`
struct RollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Make the version active that was so before.",
    discussion: """
      Takes the last switch back; once more, the one before it. Versions that are gone are passed over. \
      `tantra history MODEL` shows the switches. If the model's policy compress is not no, what the version needs is made plain files \
      then.
      """)

  @Argument(help: "Name of the model.", completion: StoreCompletion.models) var model: String
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let model = try VersionArguments.model(model, forVersions: "set-active")
    let bar = ProgressBar(model.text)
    defer { bar.finish() }
    let change = try store.changingClient.rollback(model, progress: bar.handler) {
      SetActiveCommand.thaw(model, bar, $0)
    }
    bar.finish()
    if json { try Console.print(json: change) } else { Console.print(change.text) }
  }
}
