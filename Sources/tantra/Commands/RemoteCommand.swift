import ArgumentParser
import PosixIO
import Remotes
import StoreRecords

/// `tantra remote list REMOTE`
struct RemoteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remote", abstract: "Look at a remote.", subcommands: [List.self], aliases: [])

  /// `tantra remote list REMOTE`
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "List what is under the tags of a remote.",
      discussion: """
        REMOTE is as for push and pull, without a tag: oci:FOLDER, or HOST/REPOSITORY. No store is needed, and only manifests are read. What was \
        not pushed by Tantra has no version.

        Exit codes: 0 listed; 64 wrong usage; 65 damaged; 66 no such folder; 74 reading or the network failed; 77 not permitted.
        """, aliases: ["ls"])

    @Argument(help: "The remote, without a tag.", completion: .file()) var remote: String
    @OptionGroup var network: NetworkOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      Interruption.watch()
      let reference = try RemoteText.reference(remote)
      guard reference.pick == nil else {
        throw CommandFailure(.usage, "a list is of all tags: write \(reference.placeText)")
      }
      let listings = try reference.open(plainHTTP: network.plainHttp).listings(
        unless: PosixIO.Interruption { Interruption.isRequested })
      if json { return try Console.print(json: listings) }
      Console.print(
        Console.table(
          ["TAG", "VERSION", "SIZE", "DIGEST"],
          listings.map { each in
            let version = each.model.flatMap { model in each.version.map { "\(model)/\($0)" } }
            return [
              each.tag, version ?? (each.problem == nil ? "-" : "?"), each.byteCount.map(Console.size) ?? "-",
              each.digest?.description ?? "-",
            ]
          }, givingUp: ["SIZE"]))
      for each in listings { if let problem = each.problem { Console.error("\(each.tag): \(problem)") } }
    }
  }
}
