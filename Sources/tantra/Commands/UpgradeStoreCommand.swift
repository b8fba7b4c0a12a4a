import ArgumentParser
import StoreRecords

/// `tantra upgrade-store`
struct UpgradeStoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upgrade-store",
    abstract: "Take a store to the newest format, or back.",
    discussion: """
      Records are rewritten; weights are not touched. The old records are kept in .upgrade/format-<n> in the store. After \
      a crash the command starts again where it was safe. The store must not be mounted meanwhile. This Tantra reads and writes formats \(WeightConfig.oldestFormat) to \(WeightConfig.currentFormat).

      --rollback brings the old records back, for the Tantra that wrote them, as long as no version has come or gone since.

      Exit codes: 0 done, or nothing to do; 65 the store is newer, or a record is damaged; 66 no such store, or nothing to \
      roll back; 73 versions have come or gone since the upgrade; 75 the store is in use.
      """)

  @Flag(help: "Take the last upgrade back.") var rollback = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let upgrade = try StoreUpgrade(storePath: try store.path)
    let report = rollback ? try upgrade.rollback() : try upgrade.run()
    if json { return try Console.print(json: report) }
    for step in report.steps { Console.print(step) }
    Console.print(
      report.from == report.to
        ? "the store has format \(report.to), the newest: nothing to do"
        : "the store went from format \(report.from) to \(report.to); \(report.records) records")
  }
}
