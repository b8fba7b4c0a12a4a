import ArgumentParser
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra set-active MODEL VERSION`
struct SetActiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set-active",
    abstract: "Make a version the one that a model's users get.",
    discussion: """
      The link <model>/active is switched atomically: every open through it gets the old version or the new one. Files \
      that are open keep their bytes. If the model's policy compress is not no, what the version needs is made plain files then.
      """, aliases: ["use"])

  @OptionGroup var target: VersionArguments
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let (model, version) = try target.requiredNames()
    let bar = ProgressBar("\(model)/\(version)")
    defer { bar.finish() }
    let change = try store.changingClient.setActive(model, version, progress: bar.handler) {
      SetActiveCommand.thaw(model, bar, $0)
    }
    bar.finish()
    if json { try Console.print(json: change) } else { Console.print(change.text) }
    let notes = try StoreFolder(path: try store.path, creating: false).damageNotes()
    if notes.contains(where: { $0.concerns(model, change.to) }) {
      Console.error(
        "warning: \(model)/\(change.to) is damaged, as its last validation found: tantra show \(model)/\(change.to)")
    }
  }

  /// Takes back what is compressed of what is active now. The switch is done: this makes reads quicker, and may be stopped.
  static func thaw(_ model: ModelName, _ bar: ProgressBar, _ thaw: StoreClient.Thaw) {
    Interruption.watch()
    do {
      try thaw(Interruption.stopping(bar.handler))
    } catch let error where error.code != .interrupted {
      Console.note("\(model) is read more slowly, for some of it stays compressed: \(error)")
    } catch {
      Console.note("\(model) is read more slowly, for some of it stays compressed; tantra thaw takes it back")
    }
  }
}
