import ArgumentParser
import FoundationEssentials
import FuseServer
import Logging
import StoreClient
import StoreRecords
import WeightRegistry
import WeightsFS

/// `--store`, and how much is said: they go with every command.
struct StoreOptions: ParsableArguments {
  @Option(help: "Folder of the weight store.", completion: .directory)
  var store: String?
  @Flag(name: .shortAndLong, help: "Say nothing but results and errors.") var quiet = false
  @Flag(name: .shortAndLong, help: "Also say on standard error what the store does.") var verbose = false

  mutating func validate() throws {
    guard !quiet || !verbose else { throw ValidationError("--quiet and --verbose exclude each other") }
    if quiet { Verbosity.current = .quiet }
    if verbose { Verbosity.current = .verbose }
  }

  /// The folder of the store, absolute.
  var path: String { get throws { try StoreLocation(named: store).path } }

  /// The folder of a store that is to be mounted, absolute. One that is mounted already does not come into question, unless
  /// it is named, or is only to be read.
  func pathToMount(readOnly: Bool) throws -> String { try StoreLocation(named: store, mindingMounts: readOnly).path }

  /// A logger for a command of a moment, on standard error: of warnings and errors, or with --verbose of all that happens.
  var logger: Logger {
    var logger = Logger(label: "tantra") { _ in EventLogHandler(EventLog(mirrors: [2])) }
    logger.logLevel = Verbosity.current == .verbose ? .info : .warning
    return logger
  }

  private var checkers: [any VersionChecker] { [ShapeChecker(), GoldenChecker()] }

  /// Acts on the store, directly or through the mount that has it.
  var client: StoreClient {
    get throws { StoreClient(storePath: try path, logger: logger, checkers: checkers) }
  }

  /// As ``client``, for a command whose report says all that the log would.
  var reportingClient: StoreClient {
    get throws {
      var logger = logger
      if Verbosity.current != .verbose { logger.logLevel = .critical }
      return StoreClient(storePath: try path, logger: logger, checkers: checkers)
    }
  }

  /// As ``client``, for a command that changes something. It says which store that is if nobody has named it.
  var changingClient: StoreClient {
    get throws {
      try announce()
      return try client
    }
  }

  /// Opens the store to look at it.
  func openForReading() throws -> WeightRegistry { try openForReading(at: try path) }

  /// As ``openForReading()``, for a store that has been found.
  func openForReading(at path: String) throws(StoreError) -> WeightRegistry {
    try WeightRegistry(storePath: path, access: .reading, logger: logger, checkers: checkers)
  }

  /// Runs `body`, which makes the store if it is not there.
  func makingStore<R>(isResumed: Bool = false, _ body: () throws -> R) throws -> R {
    try NewStore.whereMissing(at: try path, isResumed: isResumed, body)
  }

  /// Opens the store to change it; makes it if it is not there.
  func openForWriting() throws -> WeightRegistry {
    try announce()
    return try WeightRegistry(storePath: try path, access: .writing(), logger: logger, checkers: checkers)
  }

  private func announce() throws {
    let location = try StoreLocation(named: store)
    if location.reason != .named { Console.note("store \(location.path)") }
  }

  /// As ``StoreClient/liveMountpoint()``.
  func mountpoint() throws -> String? { try client.liveMountpoint() }
}

extension StoreClient {
  /// Where the store is mounted: where its lock's holder has mounted it, else where it can be read.
  ///
  /// - Returns: nil if it is not mounted.
  func liveMountpoint() throws -> String? {
    let table = try MountTable.current()
    let mountpoints = table.tantraMounts.map(\.mountpoint)
    guard let found = try mountpoint(orAt: mountpoints) else { return nil }
    // Lock files speak of the past: what is mounted now is for the system to say.
    return table.top(at: found)?.isTantra == true ? found : servedMountpoint(among: mountpoints)
  }
}
