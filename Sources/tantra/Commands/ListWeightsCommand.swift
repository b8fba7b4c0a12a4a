import ArgumentParser
import StoreRecords
import WeightRegistry

/// `tantra list-weights [MODEL[/VERSION]] [--all]`
struct ListWeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list-weights",
    abstract: "List versions with their formats, sizes and parameters.",
    discussion: """
      A format with a star is served as it was written; the others are synthesized when they are read. Beside the name of a \
      version stand the links to it: active, and what tantra tag made; and "damaged" if its last validation found so.

      Training checkpoints are listed if a link leads to them, or if the model has nothing else. What is not listed is counted \
      below the table: drafts, which are folders without complete weights, checkpoints, and what can be restored.
      """, aliases: ["ls"])

  @Argument(
    help: "Name of the model, or MODEL/VERSION; all models if left out.", completion: StoreCompletion.versionsOfModels)
  var model: String?
  @Argument(help: "Name of the version, if it is not given as MODEL/VERSION.", completion: StoreCompletion.versions)
  var version: String?
  @Flag(
    help: "Also list drafts, all checkpoints, backups and what can be restored, and say what a purge would free.")
  var all = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Line: Encodable {
    var model: ModelName
    var version: VersionName
    var isActive: Bool
    /// Names of the links to it, `active` first.
    var links: [String]
    var isCheckpoint: Bool
    /// Whether its last validation found damage.
    var isDamaged = false
    /// Whether it is no version yet, but a folder without complete weights.
    var isDraft = false
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

  /// What is found, and what is not listed.
  private struct Listing {
    var lines: [Line] = []
    var drafts: [String] = []
    /// Weight files in models' own folders, which are no versions.
    var strays: [String] = []
    var hiddenCheckpoints = 0
    /// How many backups, removed and replaced versions are not listed.
    var kept = 0
    var failures: [StoreError] = []
  }

  func run() throws {
    let registry = try store.openForReading()
    let records = registry.records
    let names = try model.map { try records.names($0, version) }
    let named = names?.model
    if let named, !all { try records.require(named) }
    var listing = try listing(of: named, names?.version, in: records)
    let damaged = records.knownDamage(of: named)
    for index in listing.lines.indices where listing.lines[index].kept == nil {
      let line = listing.lines[index]
      listing.lines[index].isDamaged = damaged.contains { $0.concerns(line.model, line.version) }
    }
    if let named, listing.lines.isEmpty, listing.failures.isEmpty { throw records.unknown(named) }
    if json { try Console.print(json: listing.lines) } else { try print(listing, in: registry) }
    // One damaged record does not hide the others.
    for failure in listing.failures.dropLast() { Console.error(failure.message) }
    if let last = listing.failures.last { throw last }
  }

  private func listing(of named: ModelName?, _ version: VersionName?, in records: RecordStore) throws -> Listing {
    if let named, let version {
      let kept = all ? try records.backups(of: named, version).map { line(of: $0.manifest, records, kept: $0) } : []
      return Listing(lines: [line(of: try records.manifest(of: named, version), records)] + kept)
    }
    var listing = Listing()
    for model in named.map({ [$0] }) ?? records.allModels {
      do throws(StoreError) { try add(model, to: &listing, records) } catch { listing.failures.append(error) }
    }
    for model in try named.map({ [$0] }) ?? records.backups.models() {
      do throws(StoreError) {
        guard all else {
          listing.kept += try records.backups.editions(of: model).count
          continue
        }
        listing.lines += try records.backups(of: model).map { line(of: $0.manifest, records, kept: $0) }
      } catch {
        listing.failures.append(error)
      }
    }
    return listing
  }

  private func add(_ model: ModelName, to listing: inout Listing, _ records: RecordStore) throws(StoreError) {
    let folders = try records.listing(of: model)
    let hasOthers = folders.published.values.contains { $0 != .checkpoints }
    for version in folders.published.keys.sorted() {
      let isListed = all || !hasOthers || !records.isCheckpoint(model, version)
      guard isListed || !records.links(to: version, of: model).isEmpty else {
        listing.hiddenCheckpoints += 1
        continue
      }
      do throws(StoreError) {
        listing.lines.append(line(of: try records.manifest(of: model, version), records))
      } catch {
        listing.failures.append(error)
      }
    }
    for file in try records.folder(of: model, .own)?.shownFiles ?? [] where FilePurpose(file.path).mayBeWeights {
      listing.strays.append("\(model)/\(file.path) (\(Console.size(file.byteCount)))")
    }
    for draft in folders.drafts.sorted() {
      if all {
        listing.lines.append(line(ofDraft: draft, of: model))
      } else {
        listing.drafts.append("\(model)/\(draft)")
      }
    }
  }

  private func print(_ listing: Listing, in registry: WeightRegistry) throws {
    if !listing.lines.isEmpty { Console.print(table(listing.lines)) }
    // What is no line of the table goes to standard error: whoever reads the table from a pipe gets the table.
    var notes: [String] = []
    if !listing.drafts.isEmpty {
      let names = listing.drafts.prefix(5).joined(separator: ", ") + (listing.drafts.count > 5 ? ", ..." : "")
      notes.append("drafts, without complete weights: \(names)")
    }
    if !listing.strays.isEmpty {
      notes.append("weight files in no version's folder: \(listing.strays.joined(separator: ", "))")
    }
    if listing.hiddenCheckpoints > 0 { notes.append("checkpoints not listed: \(listing.hiddenCheckpoints)") }
    if listing.kept > 0 { notes.append("backups, removed and replaced versions: \(listing.kept)") }
    if listing.lines.isEmpty, notes.isEmpty, listing.failures.isEmpty { return Console.note("no versions yet") }
    for note in notes { Console.note(note) }
    if all, !listing.failures.isEmpty {
      Console.note("what a purge would free cannot be told before the damage is mended")
    } else if all {
      let report = try registry.retention.purge(nil, nil, isDryRun: true)
      Console.note("tantra purge would free \(Console.size(report.freedBytes))")
    } else if !notes.isEmpty {
      Console.note("tantra list-weights --all tells more")
    }
  }

  private func table(_ lines: [Line]) -> String {
    Console.table(
      ["MODEL", "VERSION", "", "PARAMETERS", "TENSORS", "SIZE", "FORMATS"],
      lines.map { line in
        let names =
          (line.isDraft ? ["draft"] : line.isCheckpoint ? ["checkpoint"] : []) + line.links
          + (line.isDamaged ? ["damaged"] : [])
        return [
          line.model.text, VersionEdition(line.version, line.number).description,
          line.kept ?? names.joined(separator: " "),
          line.isDraft ? "-" : Console.grouped(line.parameters), line.isDraft ? "-" : String(line.tensors),
          line.isDraft ? "-" : Console.size(line.byteCount),
          (line.views.keys.sorted().map { line.written.contains($0) ? $0 + "*" : $0 } + line.parts.prefix(3)
            + (line.parts.count > 3 ? ["..."] : [])).joined(separator: " "),
        ]
      }, givingUp: ["TENSORS", "FORMATS"], mark: 2)
  }

  private func line(of manifest: Manifest, _ records: RecordStore, kept: BackupRecord? = nil) -> Line {
    let views = manifest.main?.views ?? [:]
    let counts = manifest.counts
    let links = kept == nil ? records.links(to: manifest.version, of: manifest.model) : []
    return Line(
      model: manifest.model, version: manifest.version, isActive: links.first == "active", links: links,
      isCheckpoint: records.isCheckpoint(manifest.model, manifest.version), parameters: counts.parameterCount,
      tensors: counts.tensorCount, views: views,
      written: views.keys.filter { manifest.original(servedAs: $0) != nil }.sorted(),
      source: manifest.provenance.source, parts: manifest.parts.map(\.path).filter { !manifest.hides($0) },
      kept: kept.map(Self.reason),
      number: kept?.number, byteCount: manifest.components.reduce(views.values.max() ?? 0) { $0 + $1.byteCount })
  }

  private func line(ofDraft version: VersionName, of model: ModelName) -> Line {
    Line(
      model: model, version: version, isActive: false, links: [], isCheckpoint: false, isDraft: true, parameters: 0,
      tensors: 0, views: [:], written: [], source: "", parts: [], byteCount: 0)
  }

  /// Why a version is kept that is not there.
  private static func reason(_ record: BackupRecord) -> String {
    record.isPinned ? "backup" : record.isReplaced == true ? "replaced" : "removed"
  }
}
