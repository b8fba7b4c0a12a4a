import ArgumentParser
import StoreRecords
import WeightRegistry

/// `tantra list-weights [MODEL] [--all]`
struct ListWeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list-weights",
    abstract: "List versions with their formats, sizes and parameters.",
    discussion: "A format with a star is served as it was written; the others are synthesized when they are read.",
    aliases: ["ls"])

  @Argument(help: "Name of the model; all models if left out.", completion: StoreCompletion.models) var model: String?
  @Flag(help: "Also list training checkpoints, backups and what was removed and can be restored.") var all = false
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
    /// Paths of weight files that are none of the views.
    var parts: [String]
    /// `backup`, `removed` or `replaced`, for what is only kept.
    var kept: String?
    /// The number of what is only kept.
    var number: Int?
    /// Bytes of the largest view and of all components.
    var byteCount: Int
  }

  func run() throws {
    let records = try store.openForReading().records
    let models = try model.map { [try ModelName(validating: $0)] } ?? records.models
    var lines: [Line] = []
    var failures: [StoreError] = []
    for model in models where records.contains(model) || !all {
      for version in try records.versions(of: model) where all || !records.isCheckpoint(model, version) {
        do throws(StoreError) {
          lines.append(line(of: try records.manifest(of: model, version), records))
        } catch {
          failures.append(error)
        }
      }
    }
    if all {
      let kept = try model.map { [try ModelName(validating: $0)] } ?? records.modelsWithBackups()
      for model in kept {
        do throws(StoreError) {
          for record in try records.backups(of: model) {
            lines.append(line(of: record.manifest, records, kept: record))
          }
        } catch {
          failures.append(error)
        }
      }
    }
    if json { try Console.print(json: lines) } else { print(lines) }
    // One damaged record does not hide the others.
    for failure in failures.dropLast() { Console.error(failure.message) }
    if let last = failures.last { throw last }
  }

  private func print(_ lines: [Line]) {
    Console.print(
      Console.table(
        ["MODEL", "VERSION", "", "PARAMETERS", "TENSORS", "SIZE", "FORMATS"],
        lines.map { line in
          [
            line.model.text, VersionEdition(line.version, line.number).description,
            line.kept ?? (line.isActive ? "active" : ""),
            Console.grouped(line.parameters),
            String(line.tensors), Console.size(line.byteCount),
            (line.views.keys.sorted().map { line.written.contains($0) ? $0 + "*" : $0 } + line.parts.prefix(3)
              + (line.parts.count > 3 ? ["..."] : [])).joined(separator: " "),
          ]
        }))
  }

  private func line(of manifest: Manifest, _ records: RecordStore, kept: BackupRecord? = nil) -> Line {
    let views = manifest.main?.views ?? [:]
    let counts = manifest.counts
    return Line(
      model: manifest.model, version: manifest.version,
      isActive: kept == nil && records.activeVersion(of: manifest.model) == manifest.version,
      isCheckpoint: records.isCheckpoint(manifest.model, manifest.version),
      parameters: counts.parameterCount,
      tensors: counts.tensorCount, views: views,
      written: views.keys.filter { manifest.original(servedAs: $0) != nil }.sorted(),
      source: manifest.provenance.source, parts: manifest.parts.map(\.path), kept: kept.map(Self.reason),
      number: kept?.number, byteCount: manifest.components.reduce(views.values.max() ?? 0) { $0 + $1.byteCount })
  }

  /// Why a version is kept that is not there.
  private static func reason(_ record: BackupRecord) -> String {
    record.isPinned ? "backup" : record.isReplaced == true ? "replaced" : "removed"
  }
}
