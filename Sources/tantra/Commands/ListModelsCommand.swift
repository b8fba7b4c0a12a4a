import ArgumentParser
import StoreRecords
import WeightRegistry

/// `tantra list-models`
struct ListModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list-models", abstract: "List the models, their active version and how many versions they have.")

  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Line: Encodable {
    var model: ModelName
    var active: VersionName?
    var versions: [VersionName]
  }

  func run() throws {
    let records = try store.openForReading().records
    let lines = try records.models.map { model in
      Line(model: model, active: records.activeVersion(of: model), versions: try records.versions(of: model))
    }
    if json { return try Console.print(json: lines) }
    Console.print(
      Console.table(
        ["MODEL", "ACTIVE", "VERSIONS"],
        lines.map { [$0.model.text, $0.active?.text ?? "-", String($0.versions.count)] }, mark: 1))
  }
}
