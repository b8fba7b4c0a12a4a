import ArgumentParser
import Glibc
import PosixIO
import StoreRecords
import WeightRegistry

/// `tantra watch [MODEL] [--exec COMMAND]`
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Tell what happens to a store, as it happens.",
    discussion: """
      A line for each event, whichever program causes it, and whether or not the store is mounted: \
      \(StoreEvent.Kind.allCases.map(\.rawValue).joined(separator: ", ")). What was there before is not told. Ctrl-C ends it.

      An event is "appeared" when a folder comes that has no weights yet, "replaced" when other weights come under a version's \
      name, "pinned" when a backup is made, and "damaged" when a validation finds damage.

      With --json each line is an object: event, model, version, time in nanoseconds since 1970, and where they apply from, \
      link, number (of what is kept), actor and details.

      --exec runs a command by /bin/sh after each event, and waits for it. The variables TANTRA_EVENT, TANTRA_MODEL and \
      TANTRA_VERSION are set, and TANTRA_EVENT_JSON is the whole event.

      Exit codes: 0 ended by Ctrl-C or TERM; 66 no such store.
      """)

  @Argument(
    help: "Name of a model, which need not be there yet; all models if left out.", completion: StoreCompletion.models)
  var model: String?
  @Flag(help: "Print JSON, an object a line.") var json = false
  @Option(help: "A command to run after each event.") var exec: String?
  @OptionGroup var store: StoreOptions

  func run() throws {
    let model = try model.map { try VersionArguments.model($0, forVersions: "show") }
    Interruption.watch()
    let path = try store.path
    var watch = try StoreWatch(model) { () throws(StoreError) in try store.openForReading(at: path).records }
    Console.note("watching \(path)" + (model.map { ", model \($0)" } ?? "") + "; Ctrl-C ends it")
    if let model, !watch.records.contains(model) {
      Console.note("not yet: \(watch.records.unknown(model).message)")
    }
    while let events = try watch.next(unless: { Interruption.isRequested }) {
      for event in events {
        if json { try Console.print(jsonLine: event) } else { Console.print(event.text) }
        if let exec { try start(exec, for: event) }
      }
    }
  }

  /// Runs the command to its end. That it fails is no reason not to watch any more.
  private func start(_ command: String, for event: StoreEvent) throws {
    setenv("TANTRA_EVENT", event.event.rawValue, 1)
    setenv("TANTRA_MODEL", event.model?.text ?? "", 1)
    setenv("TANTRA_VERSION", event.version?.text ?? "", 1)
    setenv("TANTRA_EVENT_JSON", String(decoding: try StoreCoding.encode(event, pretty: false), as: UTF8.self), 1)
    let process = try ChildProcess("/bin/sh", ["sh", "-c", command], output: STDERR_FILENO)
    if let status = process.wait(), status != 0 { Console.error("--exec ended with \(status), for \(event.text)") }
  }
}
