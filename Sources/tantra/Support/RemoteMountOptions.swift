import ArgumentParser
import Logging
import PosixIO
import Remotes
import StoreRecords
import Tensors
import WeightRegistry

/// What goes with `tantra mount --remote`.
struct RemoteMountOptions: ParsableArguments {
  @Option(
    help: "Mount a version of a remote to read: \(RemoteText.forms). Weights come when somebody reads them.",
    completion: .file())
  var remote: String?
  @Option(
    help:
      "Folder for what has come of the remote, for this mount and later ones. One remote has it, and one mount at a time.",
    completion: .directory)
  var cache: String?
  @Option(help: "How much weights may take in the cache. Default: a fifth of the disk, at most 100 GB.")
  var cacheSize: ByteCount?
  @Option(help: "How long a read waits for the remote before it fails; 0s: for ever.")
  var remoteTimeout = TimeSpan(seconds: 60)
  @Flag(help: "Fetch all of it, behind what programs read.") var prefetch = false
  @Option(help: "Refuse a version that is not signed by the public key in this PEM file.", completion: .file())
  var verify: String?
  @OptionGroup var network: NetworkOptions

  mutating func validate() throws {
    guard remote == nil else { return }
    for (isGiven, name) in [
      (cache != nil, "cache"), (cacheSize != nil, "cache-size"), (prefetch, "prefetch"), (verify != nil, "verify"),
      (network.plainHttp, "plain-http"),
    ] where isGiven {
      throw ValidationError("--\(name) goes with --remote")
    }
  }

  /// What is to be mounted; nil for a store.
  ///
  /// - Throws: if it is no remote, or none that names a version.
  func reference() throws -> RemoteReference? {
    guard let remote else { return nil }
    let reference = try RemoteText.reference(remote)
    guard reference.pick != nil else {
      throw CommandFailure(.usage, "which tag of \(reference)? Write \(reference):TAG")
    }
    return reference
  }

  /// The folder of the cache, absolute.
  func cachePath(for reference: RemoteReference) throws(CommandFailure) -> String {
    if let cache { return try StoreLocation(named: cache).path }
    if let usual = RemoteMount.usualCachePath(for: reference) { return usual }
    throw CommandFailure(.usage, "there is no home for a cache: name a folder with --cache")
  }

  /// The same for a process that is elsewhere.
  func arguments(for reference: RemoteReference) throws(CommandFailure) -> [String] {
    var arguments = [
      "--remote", reference.description, "--cache", try cachePath(for: reference), "--remote-timeout",
      remoteTimeout.text,
    ]
    if let cacheSize { arguments += ["--cache-size", String(cacheSize.bytes)] }
    if prefetch { arguments.append("--prefetch") }
    if let verify { arguments += ["--verify", verify] }
    if network.plainHttp { arguments.append("--plain-http") }
    return arguments
  }

  /// Opens the remote's version, with its cache.
  func open(_ reference: RemoteReference, mountpoint: String, logger: Logger) throws -> RemoteMount {
    var options = RemoteMount.Options(cachePath: try cachePath(for: reference))
    options.cacheByteLimit = cacheSize?.bytes
    options.timeout = remoteTimeout.seconds == 0 ? nil : .seconds(remoteTimeout.seconds)
    options.plainHTTP = network.plainHttp
    options.key = try verify.map { try VerifyingKey(fileAt: $0) }
    options.prefetches = prefetch
    return try RemoteMount(
      reference, options, mountpoint: mountpoint, logger: logger, checkers: [ShapeChecker(), GoldenChecker()])
  }
}
