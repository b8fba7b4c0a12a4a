import ArgumentParser
import DerivedViews
import StoreRecords
import WeightFormats
import WeightRegistry

/// `tantra stats [MODEL[/VERSION]]`
struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Show what each version presents and costs on disk, or how the formats compare.",
    discussion: """
      PRESENTED is the size of all files that a mount shows; STORED that of the blobs behind them, each counted once; OWN \
      the part that no other version needs; DUPLICATED the part of STORED that is tensors of which the store has \
      more than one copy (equal tensors of one file, or of files that share less than an eighth of their bytes). COMPRESSED tells to how much of their size those files were brought that \
      are compressed, and AGAINST the versions that some of them are differences from. Sizes are those of files, not of disk blocks. What several versions share is in STORED of each of them; below the table every byte counts once. \
      With a model only its versions are listed, with a version only that.

      With --formats the active version of each model, or the one that is named, is read in every format: LOAD is the time to parse the file and read \
      all of it through the page cache, the best of three. Which programs open a format is what the project's tests check.

      With --derived the files are listed that a mount computes of each version below .derived, which take no space. tantra show \
      says why others are not offered.
      """)

  @Argument(
    help: "Name of the model, or MODEL/VERSION; all models if left out.", completion: StoreCompletion.versionsOfModels)
  var model: String?
  @Argument(help: "Name of the version, if it is not given as MODEL/VERSION.", completion: StoreCompletion.versions)
  var version: String?
  @Flag(help: "Compare the formats: size, load time, compatibility, safety.") var formats = false
  @Flag(help: "List what is computed of each version.") var derived = false
  @Flag(help: "Print JSON, with sizes in bytes.") var json = false
  @OptionGroup var store: StoreOptions

  func validate() throws {
    if formats, derived { throw ValidationError("--formats and --derived list different things; which one?") }
  }

  func run() throws {
    if derived { return try listDerived() }
    if formats { return try compareFormats() }
    let registry = try store.openForReading()
    let all = try registry.statistics()
    var statistics = all
    if let named = try named(in: registry) {
      statistics.versions.removeAll { !named.holds($0.model, $0.version) }
    }
    defer { for damage in statistics.damage { Console.error(damage) } }
    if json { try Console.print(json: statistics) } else { print(statistics, of: all) }
    // What is counted was told; that something is not is a failure.
    if !statistics.damage.isEmpty { throw ExitCode(CommandFailure.Status.badData.rawValue) }
  }

  /// - Parameter all: those of the whole store.
  private func print(_ statistics: StoreStatistics, of all: StoreStatistics) {
    // A column that says nothing would only take room.
    let isCompressed = statistics.versions.contains { $0.compressed.files > 0 }
    let hasBases = statistics.versions.contains { !$0.compressed.against.isEmpty }
    Console.print(
      Console.table(
        ["MODEL", "VERSION", "PRESENTED", "STORED", "OWN", "DUPLICATED"] + (isCompressed ? ["COMPRESSED"] : [])
          + (hasBases ? ["AGAINST"] : []),
        statistics.versions.map { version in
          [version.model.text, version.version.text]
            + [version.presentedBytes, version.storedBytes, version.ownBytes, version.duplicatedBytes]
            .map(Console.size) + (isCompressed ? [version.compressed.percent ?? ""] : [])
            + (hasBases ? [version.compressed.against.joined(separator: ", ")] : [])
        }))
    if model != nil { Console.print("in the whole store:") }
    Console.print("presented   \(Console.size(statistics.presentedBytes))")
    Console.print(
      "stored      \(Console.size(statistics.storedBytes)), of which no version needs "
        + Console.size(statistics.otherBytes))
    let own = all.versions.reduce(0) { $0 + $1.ownBytes }
    Console.print(
      "needed by   one version alone \(Console.size(own)), several \(Console.size(all.storedBytes - all.otherBytes - own))"
    )
    Console.print("duplicates  \(Console.size(statistics.duplicateBytes)) could be saved by storing each tensor once")
  }

  /// What is meant.
  private struct Named {
    var model: ModelName
    /// nil for all.
    var version: VersionName?

    func holds(_ model: ModelName, _ version: VersionName) -> Bool {
      model == self.model && (self.version == nil || version == self.version)
    }
  }

  /// nil for all models.
  private func named(in registry: WeightRegistry) throws -> Named? {
    guard let model else { return nil }
    let names = try registry.records.names(model, version)
    try registry.records.require(names.model)
    return Named(model: names.model, version: names.version)
  }

  private struct Derived: Encodable {
    var model: ModelName
    var version: VersionName
    var listing: DerivedListing
  }

  private func listDerived() throws {
    let registry = try store.openForReading()
    let catalogue = DerivedCatalogue(registry)
    var all: [Derived] = []
    let named = try named(in: registry)
    for model in named.map({ [$0.model] }) ?? registry.records.models {
      for version in try registry.records.versions(of: model) where named?.holds(model, version) ?? true {
        guard let folder = try registry.records.folder(of: model, version),
          let listing = try catalogue.listing(of: folder)
        else { continue }
        all.append(Derived(model: model, version: version, listing: listing))
      }
    }
    if json { return try Console.print(json: all) }
    Console.print(
      Console.table(
        ["MODEL", "VERSION", "FILE", "SIZE", "TENSORS"],
        all.flatMap { derived in
          derived.listing.files.filter(\.isComputed).map { file in
            [derived.model.text, derived.version.text, file.path, Console.size(file.byteCount), file.types.text]
          }
        }))
  }

  private func compareFormats() throws {
    let registry = try store.openForReading()
    let named = try named(in: registry)
    var comparisons: [FormatComparison] = []
    for model in named.map({ [$0.model] }) ?? registry.records.models {
      guard let version = named?.version ?? registry.records.activeVersion(of: model) else { continue }
      let manifest = try registry.records.manifest(of: model, version)
      for view in WeightFormatCatalogue.views where manifest.main?.views[view.name] != nil {
        comparisons.append(try FormatComparison(view, of: manifest, in: registry))
      }
    }
    if json { return try Console.print(json: comparisons) }
    Console.print(
      Console.table(
        ["MODEL", "VERSION", "FORMAT", "SIZE", "LOAD", "OPENS WITH", ""],
        comparisons.map { comparison in
          [
            comparison.model.text, comparison.version.text, comparison.format, Console.size(comparison.byteCount),
            "\((comparison.loadSeconds * 1e5).rounded() / 100) ms", comparison.opensWith.joined(separator: ", "),
            comparison.isWritten ? "as written" : "synthesized",
          ]
        }, givingUp: ["OPENS WITH"]))
    var told: Set<String> = []
    for comparison in comparisons where told.insert(comparison.format).inserted {
      Console.print("\(comparison.format.padded(to: 11))  \(comparison.safety)")
    }
  }
}
