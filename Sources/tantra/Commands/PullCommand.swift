import ArgumentParser
import FoundationEssentials
import PosixIO
import Remotes
import StoreClient
import StoreRecords
import WeightRegistry

/// `tantra pull REMOTE [--version NAME] [--active]`
struct PullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull",
    abstract: "Fetch a version from a remote.",
    discussion: """
      REMOTE is \(RemoteText.forms). Instead of :TAG it may end with @sha256:DIGEST, which names one content for ever.

      What the store has is not fetched again, and a pull that was cut off goes on where it was. Every byte is compared with its \
      digest, and weight files are parsed, before the version appears, all of it at once. A version of that name that holds \
      something else stays as it is, and the pull is refused: --version gives the one that comes another name.

      With --verify, or where the policy verify-before-activate names a key, what that key has not signed is refused before \
      anything else is looked at.

      In a mounted store the mount does it: it reads folders, and takes credentials and proxies, as the user who mounted it.

      Exit codes: 0 fetched, or it was here; 64 wrong usage; 65 what came is damaged, or no version of Tantra; 66 no such \
      folder or tag; 73 another version has the name; 74 reading, writing or the network failed; 75 the store is in use; \
      77 not permitted; 130 interrupted. Unless it ends with 0, no version has come.
      """)

  @Argument(help: "What to fetch.", completion: .file()) var remote: String
  @Option(help: "Name of the model here.") var model: String?
  @Option(help: "Name of the version here.") var version: String?
  @Flag(help: "Make the version active.") var active = false
  @Option(help: "Refuse what is not signed by the public key in this PEM file.", completion: .file()) var verify:
    String?
  @OptionGroup var network: NetworkOptions
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    Interruption.watch()
    let reference = try RemoteText.reference(remote)
    let model = try model.map { try ModelName(validating: $0) }
    let version = try version.map { try VersionName(validating: $0) }
    let key = try verify.map { try VerifyingKey(fileAt: $0) }
    let bar = ProgressBar(reference.description)
    defer { bar.finish() }
    // Nothing is made for what is not there.
    _ = try reference.resolve(
      in: reference.open(plainHTTP: network.plainHttp), unless: PosixIO.Interruption { Interruption.isRequested })
    let report = try store.makingStore(isResumed: true) {
      let client = try store.changingClient
      _ = try client.access(creating: true)
      return try client.pull(
        reference, as: (model, version), activating: active, plainHTTP: network.plainHttp, verifying: key,
        progress: Interruption.stopping(bar.handler))
    }
    bar.finish()
    if json { try Console.print(json: report) } else { Console.print(raw: report.text) }
  }
}

/// What goes with every command that may use a network.
struct NetworkOptions: ParsableArguments {
  @Flag(
    help: "Speak HTTP without TLS to a registry: others on the way can read what is sent. This machine needs it not.")
  var plainHttp = false
}

/// Remotes as the commands take them.
enum RemoteText {
  static let forms =
    "oci:FOLDER:TAG, an OCI image layout in a folder, HOST[:PORT]/REPOSITORY:TAG, a registry, as "
    + "ghcr.io/team/mamba:live, or https://HOST/PATH:TAG, a layout on a web server, which can only be read"

  /// Reads a reference; a relative path is that of this process.
  static func reference(_ text: String) throws(StoreError) -> RemoteReference {
    try RemoteReference(validating: text).absolute(in: FileManager.default.currentDirectoryPath)
  }

  /// The tag of a reference; the version's name if it has none.
  static func tag(of reference: RemoteReference, orFor version: VersionName) throws(CommandFailure) -> String {
    switch reference.pick {
    case .tag(let tag): return tag
    case .digest: throw CommandFailure(.usage, "\(reference) names a digest, which nobody can choose: expected a tag")
    case nil:
      guard RemoteReference.isTag(version.text) else {
        throw CommandFailure(.usage, "\(version) cannot be a tag: name one, as \(reference.placeText):TAG")
      }
      return version.text
    }
  }
}
