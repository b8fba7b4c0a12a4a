import ArgumentParser
import WeightRegistry

/// `tantra list-weights [MODEL] [--all]`
struct ListWeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list-weights",
    abstract: "List versions with their formats, sizes and parameters.",
    discussion: "A format with a star is served as it was written; the others are synthesized when they are read.")

  @Argument(help: "Name of the model; all models if left out.") var model: String?
  @Flag(help: "Also list training checkpoints.") var all = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Line: Encodable {
    var model: ModelName
    var version: VersionName
    var isActive: Bool
    var isCheckpoint: Bool
    var parameters: Int
    var tensors: Int
    /// Bytes of each view.
    var views: [String: Int]
    /// The views that are served as written.
    var written: [String]
    var source: String
  }

  func run() throws {
    let registry = try store.openForReading()
    let models = try model.map { [try ModelName(validating: $0)] } ?? registry.models
    var lines: [Line] = []
    for model in models {
      for version in try registry.versions(of: model) where all || !registry.isCheckpoint(model, version) {
        let manifest = try registry.manifest(of: model, version)
        lines.append(
          Line(
            model: model, version: version, isActive: registry.activeVersion(of: model) == version,
            isCheckpoint: registry.isCheckpoint(model, version), parameters: manifest.parameterCount,
            tensors: manifest.tensorCount, views: manifest.views,
            written: manifest.views.keys.filter { manifest.original(servedAs: $0) != nil }.sorted(),
            source: manifest.provenance.source))
      }
    }
    if json { return try Console.print(json: lines) }
    Console.print(
      Console.table(
        ["MODEL", "VERSION", "", "PARAMETERS", "TENSORS", "SIZE", "FORMATS"],
        lines.map { line in
          [
            line.model.text, line.version.text, line.isActive ? "active" : "", Console.grouped(line.parameters),
            String(line.tensors), Console.size(line.views.values.max() ?? 0),
            line.views.keys.sorted().map { line.written.contains($0) ? $0 + "*" : $0 }.joined(separator: " "),
          ]
        }))
  }
}
