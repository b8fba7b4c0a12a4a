import ArgumentParser
import Remotes
import StoreRecords
import WeightRegistry

/// `tantra push MODEL/VERSION REMOTE`
struct PushCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "push",
    abstract: "Send a version to a remote.",
    discussion: """
      REMOTE is \(RemoteText.forms). Without a tag it is called as the version is.

      What the remote has is not sent again: of a version in which one tensor has changed, about that tensor is sent. The tag \
      moves last, so that whoever sees it finds everything. The version travels with its ordinary files; every weight file \
      is a layer of its own, as ModelPack (CNCF) has it, so that other tools read it. Files that would run code when they are \
      unpickled are left out, and named, unless the model's policy pickles allows them.

      A push to a registry that was cut off goes on within the large files that it was sending, if the registry still knows what \
      has come; run it again within a week.

      A weight file that shares tensors with an earlier version is kept, and sent, as its parts. Other tools than Tantra see it \
      with --portable, which sends it as a whole, too.

      --sign adds a signature of OpenSSF Model Signing over all files, which pull --verify and the policy \
      verify-before-activate check, and model_signing on a folder that other tools have fetched.

      It works whether or not the store is mounted, and changes nothing in it.

      Exit codes: 0 sent, or it was there; 64 wrong usage; 65 something is damaged, and the tag is what it was; 66 no such \
      version or folder; 74 reading, writing or the network failed; 77 not permitted; 130 interrupted.
      """)

  @Argument(help: "Name of the model, or MODEL/VERSION.", completion: StoreCompletion.versionsOfModels) var model:
    String
  @Argument(
    help: ArgumentHelp(
      "Name of the version, if it is not given as MODEL/VERSION, and where to.", valueName: "version remote"),
    completion: .file()) var places: [String]
  @Flag(help: "Send files that are kept in parts as a whole, too, for other tools.") var portable = false
  @Option(help: "Sign all of it with the private key in this PEM file.", completion: .file()) var sign: String?
  @OptionGroup var network: NetworkOptions
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var store: StoreOptions

  func validate() throws {
    guard (1...2).contains(places.count) else {
      throw ValidationError(
        "expected MODEL/VERSION and a remote, as in: tantra push mamba/v1.1 ghcr.io/team/mamba:v1.1")
    }
  }

  func run() throws {
    Interruption.watch()
    let words = try VersionArguments.words(model, places.count == 2 ? places[0] : nil)
    let remote = places[places.count - 1]
    let reference = try RemoteText.reference(remote)
    let key = try sign.map { try SigningKey(fileAt: $0) }
    let registry = try store.openForReading()
    let model = try ModelName(validating: words.model)
    let version = try registry.records.version(
      called: try VersionArguments.require(words.version, of: model), of: model)
    let tag = try RemoteText.tag(of: reference, orFor: version)
    let bar = ProgressBar("\(model)/\(version)")
    defer { bar.finish() }
    let push = Push(registry, to: try reference.open(creating: true, plainHTTP: network.plainHttp))
    let report = try push(
      model, version, as: tag, portable: portable, signedBy: key, progress: Interruption.stopping(bar.handler))
    bar.finish()
    if json { return try Console.print(json: report) }
    Console.print(
      "\(model)/\(version) -> \(report.remote)@\(report.digest): sent \(Console.size(report.sentByteCount)) of "
        + Console.size(report.byteCount)
        + (report.resumedByteCount > 0
          ? "; \(Console.size(report.resumedByteCount)) had come before an upload was cut off" : ""))
    for file in report.leftOut { Console.error(WithheldFile.message(file.path, file.reason, of: model)) }
    if !report.isPortable {
      Console.note(
        "some weight files are sent as parts, which other tools cannot read: --portable sends them whole, too")
    }
  }
}
