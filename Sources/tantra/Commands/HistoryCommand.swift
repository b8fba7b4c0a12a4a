import ArgumentParser
import StoreRecords
import WeightRegistry

/// `tantra history MODEL`
struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Show which versions were active or replaced, since when, and by whom.",
    aliases: ["log"])

  @Argument(help: "Name of the model.", completion: StoreCompletion.models) var model: String
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  /// A switch of the active version, or an edition that another has replaced.
  private struct Line: Encodable {
    /// Nanoseconds since 1970.
    var time: Int64
    var actor: Actor
    /// nil if no version was active; `v1@3` for an edition.
    var from: String?
    var to: VersionName
    var isRollback = false
    var isReplacement = false

    init(_ change: ActiveSwitch) {
      (time, actor, from, to) = (change.time, change.actor, change.from?.text, change.to)
      isRollback = change.isRollback
    }

    init(_ record: BackupRecord) {
      (time, actor, from, to) = (record.time, record.actor, record.edition.description, record.manifest.version)
      isReplacement = true
    }

    var note: String { isRollback ? "rollback" : isReplacement ? "replaced" : "" }
  }

  func run() throws {
    let records = try store.openForReading().records
    let model = try VersionArguments.model(model, forVersions: "show")
    let replaced = try records.backups(of: model).filter { $0.isReplaced == true }
    let lines = (try records.history(of: model).map(Line.init) + replaced.map(Line.init)).sorted { $0.time < $1.time }
    if json { return try Console.print(json: lines) }
    Console.print(
      Console.table(
        ["TIME", "USER", "PROCESS", "FROM", "TO", ""],
        lines.map { line in
          [
            Timestamp.text(line.time), line.actor.userText, line.actor.processText, line.from ?? "-", line.to.text,
            line.note,
          ]
        }, givingUp: ["PROCESS", "USER"]))
  }
}
