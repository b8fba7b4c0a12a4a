import ArgumentParser
import WeightRegistry

/// `tantra stats`
struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Show what each version presents and what it costs on disk.",
    discussion: """
      PRESENTED is the size of all files that a mount shows; STORED that of the blobs behind them, each counted once; OWN \
      the part that no other version needs; DUPLICATED the part of STORED that is tensors of which the store has \
      more than one copy (equal tensors of one file, or of files that share less than an eighth of their bytes). Sizes are those of \
      files, not of disk blocks.
      """)

  @Flag(help: "Print JSON, with sizes in bytes.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let statistics = try store.openForReading().statistics()
    if json { return try Console.print(json: statistics) }
    Console.print(
      Console.table(
        ["MODEL", "VERSION", "PRESENTED", "STORED", "OWN", "DUPLICATED"],
        statistics.versions.map { version in
          [version.model.text, version.version.text]
            + [version.presentedBytes, version.storedBytes, version.ownBytes, version.duplicatedBytes]
            .map(Console.size)
        }))
    Console.print("presented   \(Console.size(statistics.presentedBytes))")
    Console.print(
      "stored      \(Console.size(statistics.storedBytes)), of which no version needs "
        + Console.size(statistics.otherBytes))
    Console.print("duplicates  \(Console.size(statistics.duplicateBytes)) could be saved by storing each tensor once")
  }
}
