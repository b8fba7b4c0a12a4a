import ArgumentParser
import Glibc
import PosixIO
import Remotes
import StoreClient
import StoreRecords
import Tensors

/// `tantra follow MODEL REMOTE [--every SECONDS]`
struct FollowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "follow",
    abstract: "Make what a tag points to the active version, now and whenever the tag moves.",
    discussion: """
      The remote is asked every so often, which costs it next to nothing. When the tag points to something else, that is \
      pulled as tantra pull does it, checked, and made active: readers of the link get the old version or the new one. \
      Versions that are here are not fetched again, so that a tag that goes back takes effect at once. The store may be mounted.

      Publish versions under tags that stay, as v1.1, and let one tag move, as live. A tag that would change a version under its \
      name is refused, with a reason on standard error, and what was active stays. So it is with anything else that \
      fails; it is tried again the next time.

      A line is printed for each switch. Ctrl-C or TERM ends it. A mounted store follows by itself what the policy follow of a model \
      names: tantra config MODEL follow REMOTE.

      Exit codes: 0 ended by Ctrl-C or TERM; 64 wrong usage. With --once: as tantra pull.
      """)

  @Argument(help: "Name of the model here.", completion: StoreCompletion.models) var model: String
  @Argument(help: "What to follow: a remote with a tag.", completion: .file()) var remote: String
  @Option(help: "How long to wait between two looks, as 30s, 5m or 1h; a fifth more or less, as chance has it.")
  var every = TimeSpan(seconds: 30)
  @Flag(help: "Look once, and end.") var once = false
  @Option(help: "Refuse what is not signed by the public key in this PEM file.", completion: .file()) var verify:
    String?
  @OptionGroup var network: NetworkOptions
  @Flag(help: "Print JSON, an object a line.") var json = false
  @OptionGroup var store: StoreOptions

  func run() throws {
    let model = try ModelName(validating: model)
    let reference = try RemoteText.reference(remote)
    guard case .tag = reference.pick else {
      throw CommandFailure(.usage, "what moves is a tag: write \(reference.placeText):TAG")
    }
    let key = try verify.map { try VerifyingKey(fileAt: $0) }
    Interruption.watch()
    let client = try store.changingClient
    _ = try client.access(creating: true)
    if !once { Console.note("following \(reference) every \(every.text); Ctrl-C ends it") }
    var last: Digest?
    while !Interruption.isRequested {
      do {
        last = try look(model, reference, client, key, after: last)
      } catch {
        if once { throw error }
        guard !Interruption.isRequested else { break }
        guard let failure = CommandFailure(error) else { throw error }
        Console.error("\(reference): \(failure.message)")
      }
      if once { return }
      wait()
    }
  }

  /// Looks at the tag, and takes over what it points to if that is not what it was.
  ///
  /// - Returns: what it points to.
  private func look(
    _ model: ModelName, _ reference: RemoteReference, _ client: StoreClient, _ key: VerifyingKey?, after last: Digest?
  ) throws -> Digest {
    let interruption = PosixIO.Interruption { Interruption.isRequested }
    let digest = try reference.resolve(in: reference.open(plainHTTP: network.plainHttp), unless: interruption)
    if digest == last { return digest }
    let bar = ProgressBar(reference.description)
    defer { bar.finish() }
    let exact = RemoteReference(place: reference.place, pick: .digest(digest))
    let report = try client.pull(
      exact, as: (model, nil), activating: true, plainHTTP: network.plainHttp, verifying: key,
      progress: Interruption.stopping(bar.handler))
    bar.finish()
    if json { try Console.print(jsonLine: report) } else { Console.print(raw: report.text) }
    return digest
  }

  /// Waits, a tenth of a second at a time, so that signals are heard.
  private func wait() {
    let usual = Double(every.seconds)
    let end = ContinuousClock.now + .seconds(max(1, usual * Double.random(in: 0.8...1.2)))
    while ContinuousClock.now < end, !Interruption.isRequested { usleep(100_000) }
  }
}
