import ArgumentParser
import StoreClient
import StoreRecords

/// `tantra rm MODEL[/VERSION]`
struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm",
    abstract: "Take a version, a link to one, or a whole model out of the tree.",
    discussion: """
      Versions can be restored (tantra restore) until they are purged, and take their space until then. The active version \
      and those that links point to are not removed alone; a whole model goes with its links.

      A draft, a folder that holds no complete weights yet, is removed for good, with the files that are in it.
      """, aliases: ["remove"])

  @OptionGroup var target: VersionArguments
  @Flag(help: "Print JSON: the names of what was removed.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    if try VersionArguments.words(target.model, target.version).version == "active" {
      throw CommandFailure(
        .usage,
        "active is no version, and what it points at is not removed: make another one active first (tantra set-active), then "
          + "remove the version by its name")
    }
    let (model, version) = try target.names()
    let removed = try store.changingClient.remove(model, version)
    if json { return try Console.print(json: removed) }
    for name in removed { Console.print("removed \(model)/\(name)") }
  }
}
