import ArgumentParser
import FuseServer
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra status [MODEL]`
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show what is mounted, what the store holds, or how a model stands.",
    discussion: """
      Without a model: where the store is mounted, what it stores and presents, and all other mounts of Tantra on this machine, \
      with what makes reads from one slow. If several stores are mounted, only the mounts are shown: --store names the one \
      whose figures are wanted.

      With a model: which version is active, since when and who made it so, and what there is besides.
      """,
    aliases: ["ps"])

  @Argument(help: "Name of a model.", completion: StoreCompletion.models) var model: String?
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Report: Encodable {
    /// nil if several stores are mounted, and nobody named one.
    var store: String?
    /// Where that store is mounted: for writing, else the first that can only be read.
    var mount: MountReport?
    var figures: StoreUsage.Figures?
    /// What validations have found of the store's versions, and nobody has mended since.
    var damage: [DamageNote] = []
    /// All mounts of Tantra.
    var mounts: [MountReport]
  }

  func run() throws {
    if let model {
      let standing = try ModelStanding(
        try VersionArguments.model(model, forVersions: "show"), in: try store.openForReading())
      return json ? try Console.print(json: standing) : Console.print(standing.text)
    }
    let mounts = try MountReport.all()
    var report = Report(mounts: mounts)
    let isNamed = StoreLocation.named(store.store) != nil
    if isNamed || Set(mounts.compactMap(\.store)).count <= 1 {
      let path = try store.path
      let registry = try store.openForReading(at: path)
      report.store = path
      report.figures = try StoreUsage(registry.records).current()
      report.damage = registry.records.knownDamage()
      let client = try store.client
      let own = mounts.filter { $0.store.map(client.isStore(at:)) ?? true }
      if let holder = registry.store.lockHolder(), let mount = own.first(where: { $0.mountpoint == holder.mountpoint })
      {
        report.mount = mount
        report.mount?.pid = holder.pid
        report.mount?.uid = holder.uid
      } else {
        report.mount = own.first { $0.store != nil }
      }
    }
    if json { return try Console.print(json: report) }
    print(report)
  }

  private func print(_ report: Report) {
    if let path = report.store, let figures = report.figures {
      Console.print("store      \(path)")
      Console.print("mounted    " + (report.mount?.text ?? "no"))
      if let remote = report.mount?.remote { Console.print("remote     \(remote.text)") }
      for hint in report.mount?.slowness ?? [] { Console.print("           \(hint)") }
      Console.print(
        "models     \(figures.models), with \(Console.count(figures.versions, "version")) and "
          + Console.count(figures.files, "file"))
      Console.print("presented  \(Console.size(figures.presentedBytes))")
      let compressed =
        figures.compressedBytes > 0
        ? ", of which \(Console.size(figures.compressedBytes)) are compressed"
          + (figures.differenceBytes > 0
            ? ", \(Console.size(figures.differenceBytes)) of them as differences from other versions" : "") : ""
      Console.print("stored     \(Console.size(figures.storedBytes))\(compressed)")
      if let count = figures.unreadable {
        Console.print("DAMAGED    the records of \(Console.count(count, "version")): tantra doctor names them")
      }
      if !report.damage.isEmpty {
        let names = report.damage.map { "\($0.model)/\($0.version)" }.joined(separator: ", ")
        Console.print("DAMAGED    \(names): tantra show tells what, and importing the intact files again mends them")
      }
    }
    let others = report.mounts.filter { $0.mountpoint != report.mount?.mountpoint }
    guard !others.isEmpty else { return }
    if report.store != nil { Console.print("") }
    Console.print(
      Console.table(
        ["MOUNTPOINT", "STORE", "ACCESS", "USER", "STATE"],
        others.map { [$0.mountpoint, $0.store ?? "?", $0.isReadOnly ? "read" : "write", $0.userText, $0.health] },
        givingUp: ["USER", "ACCESS"]))
    for mount in others {
      if let remote = mount.remote { Console.print("\(mount.mountpoint): \(remote.text)") }
      for hint in mount.slowness { Console.print("\(mount.mountpoint): \(hint)") }
    }
  }
}
