import ArgumentParser
import StoreClient
import StoreRecords

/// `tantra tag MODEL/VERSION NAME`
struct TagCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag",
    abstract: "Give a version another name, which can move.",
    discussion: """
      The name is a link beside `active`: <model>/NAME shows the version. A link of that name moves to the version at once; \
      files that are open keep their bytes. tantra rm MODEL/NAME takes the link away, and not the version.
      """)

  @Argument(help: "Name of the model, or MODEL/VERSION.", completion: StoreCompletion.versionsOfModels) var model:
    String
  @Argument(
    help: "Name of the version, if it is not given as MODEL/VERSION, and the link's name.",
    completion: StoreCompletion.versions) var names: [String] = []
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  private struct Link: Encodable {
    var model: ModelName
    var version: VersionName
    var name: VersionName
  }

  func run() throws {
    guard let name = names.last, names.count <= 2 else {
      throw CommandFailure(.usage, "expected MODEL/VERSION and a name for it, as in: tantra tag mamba/v1.1 stable")
    }
    guard name != "active" else {
      throw CommandFailure(.usage, "active is the version that users get: tantra set-active switches it")
    }
    let found = try VersionArguments.names(model, names.count == 2 ? names[0] : nil, in: store)
    let version = try VersionArguments.require(found.version, of: found.model)
    var link = Link(model: found.model, version: version, name: try VersionName(validating: name))
    link.version = try store.changingClient.tag(link.model, link.version, as: link.name)
    if json { try Console.print(json: link) } else { Console.print("\(link.model)/\(link.name) -> \(link.version)") }
  }
}
