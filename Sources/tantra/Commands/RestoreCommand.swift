import ArgumentParser
import StoreClient
import StoreRecords

/// `tantra restore MODEL VERSION`
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Bring a removed version, or an earlier edition of one, back.",
    discussion: """
      Takes what was removed last, else the newest backup. A version that exists is not replaced, unless a number says by what:
      VERSION@NUMBER, as list-weights --all shows it; the edition that was there is kept then.
      """)

  @Argument(help: "Name of the model, or MODEL/VERSION.", completion: StoreCompletion.editionsOfModels) var model:
    String
  @Argument(
    help: "Name of the version, or VERSION@NUMBER, if it is not given as MODEL/VERSION.",
    completion: StoreCompletion.editions) var version: String?
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Report: Encodable {
    var model: ModelName
    var version: VersionName
  }

  func run() throws {
    let named = try VersionArguments.edition(model, version)
    let (model, edition) = (named.model, try VersionArguments.require(named.edition, of: named.model))
    try store.changingClient.restore(model, edition.version, number: edition.number)
    if json { return try Console.print(json: Report(model: model, version: edition.version)) }
    Console.print("\(model)/\(edition): restored")
  }
}
