import ArgumentParser
import StoreRecords
import WeightRegistry

/// `tantra history MODEL`
struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Show which versions were active, since when, and who switched.", aliases: ["log"]
  )

  @Argument(help: "Name of the model.") var model: String
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let history = try store.openForReading().records.history(of: try ModelName(validating: model))
    if json { return try Console.print(json: history) }
    Console.print(
      Console.table(
        ["TIME", "USER", "PROCESS", "FROM", "TO", ""],
        history.map { change in
          [
            Timestamp.text(change.time), String(change.actor.uid), String(change.actor.pid), change.from?.text ?? "-",
            change.to.text, change.isRollback ? "rollback" : "",
          ]
        }))
  }
}
