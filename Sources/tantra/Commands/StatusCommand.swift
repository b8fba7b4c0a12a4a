import ArgumentParser
import FuseServer
import StoreRecords
import WeightRegistry

/// `tantra status`
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show where the store is mounted, and what it stores and presents.", aliases: ["ps"])

  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Report: Encodable {
    struct Mount: Encodable {
      var mountpoint: String
      var pid: Int32
      var uid: UInt32
      /// `alive`, `dead`, `unresponsive` or `unknown`.
      var health: String
    }
    var store: String
    var mount: Mount?
    var figures: StoreUsage.Figures
  }

  func run() throws {
    let path = try store.path
    let registry = try store.openForReading(at: path)
    let report = Report(
      store: path, mount: try mount(of: registry), figures: try StoreUsage(registry.records).current())
    if json { return try Console.print(json: report) }
    let figures = report.figures
    Console.print("store      \(report.store)")
    Console.print(
      "mounted    "
        + (report.mount.map { "at \($0.mountpoint) by process \($0.pid) of user \($0.uid), \($0.health)" } ?? "no"))
    Console.print("models     \(figures.models), with \(figures.versions) versions and \(figures.files) files")
    Console.print("presented  \(Console.size(figures.presentedBytes))")
    Console.print("stored     \(Console.size(figures.storedBytes))")
  }

  /// The mount that the lock file tells of, if it is still there.
  private func mount(of registry: WeightRegistry) throws -> Report.Mount? {
    guard let holder = registry.store.lockHolder(), let mountpoint = holder.mountpoint,
      try MountTable.current().top(at: mountpoint)?.isTantra == true
    else { return nil }
    let health = try MountHealth.probe(mountpoint, limit: .seconds(5))
    return Report.Mount(mountpoint: mountpoint, pid: holder.pid, uid: holder.uid, health: "\(health)")
  }
}
