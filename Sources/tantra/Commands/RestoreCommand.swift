import ArgumentParser
import StoreClient
import StoreRecords

/// `tantra restore MODEL VERSION`
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Bring a removed version back.",
    discussion: """
      Takes what was removed last, else the newest backup. A version that exists is not replaced.
      """)

  @OptionGroup var target: VersionArguments
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Report: Encodable {
    var model: ModelName
    var version: VersionName
  }

  func run() throws {
    let (model, version) = try target.requiredNames()
    try store.changingClient.restore(model, version)
    if json { return try Console.print(json: Report(model: model, version: version)) }
    Console.print("\(model)/\(version): restored")
  }
}
