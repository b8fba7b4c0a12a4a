import ArgumentParser
import FuseServer
import Glibc
import Logging
import PosixIO
import Remotes
import StoreRecords
import WeightRegistry
import WeightsFS

/// `tantra mount [MOUNTPOINT]`
struct MountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mount",
    abstract: "Mount a store, or a version of a remote.",
    discussion: """
      Returns when the mount is live and leaves a daemon behind; INT, TERM or `tantra unmount` end it. What a daemon that \
      was killed left at the mountpoint is cleared away first.

      The log is in .control/log, the last 1000 lines of it; in the file that --log-file names, which is appended to and \
      stays; and in the foreground on standard error, with priorities for journald where that reads it.

      With --remote a version of a remote is mounted to read, in a second: its weights come when somebody reads them, each \
      part compared with its digest first, and stay in the cache. What is there needs no network. .control/status tells how it stands.
      """)

  @Argument(help: "Where to mount; made if it is missing.", completion: .directory) var mountpoint = "/weights"
  @Flag(help: "Stay in the foreground, with the log on standard error.") var foreground = false
  @Flag(help: "Refuse all changes; takes no lock, so that several such mounts can share a store.") var readOnly = false
  @Flag(help: "Let other users in.") var allowOther = false
  @Flag(help: "Make an empty store if there is none.") var create = false
  @Option(help: "File to which the log goes, too.", completion: .file()) var logFile: String?
  @Option(
    help: "What is logged: error, warning, notice, info or debug, each with what is graver.",
    transform: { text in
      guard let level = Logger.Level(rawValue: text) else { throw ValidationError("there is no level \"\(text)\"") }
      return level
    })
  var logLevel = Logger.Level.info
  @Option(help: .hidden) var readiness: Int32?
  @OptionGroup var remote: RemoteMountOptions
  @OptionGroup var store: StoreOptions

  func validate() throws {
    if create && readOnly { throw ValidationError("--create and --read-only exclude each other") }
    if remote.remote != nil, create || store.store != nil {
      throw ValidationError("--remote has a cache (--cache) and no store: --store and --create do not go with it")
    }
  }

  func run() throws {
    if foreground { try serve() } else { try launch() }
  }

  private func path() throws -> String { try store.pathToMount(readOnly: readOnly) }

  // MARK: Background

  private func launch() throws {
    let reference = try remote.reference()
    let path = try reference.map { try remote.cachePath(for: $0) } ?? path()
    if create { _ = try StoreFolder(path: path, creating: true) }
    let registry = reference == nil ? try store.openForReading(at: path) : nil
    var arguments = [
      "tantra", "mount", try Mountpoint.resolve(mountpoint), "--foreground", "--readiness",
      String(BackgroundLauncher.readinessDescriptor),
    ]
    arguments += try reference.map { try remote.arguments(for: $0) } ?? ["--store", path]
    if readOnly { arguments.append("--read-only") }
    if allowOther { arguments.append("--allow-other") }
    arguments += ["--log-level", logLevel.rawValue]
    switch BackgroundLauncher.launch(arguments: arguments, logFile: logFile) {
    case .ready:
      // A cache is made by the daemon, and is not there before.
      let models = try (registry ?? store.openForReading(at: path)).records.models.map(\.text)
      let content = models.isEmpty ? "no models yet" : models.joined(separator: ", ")
      Console.print("\(reference?.description ?? path) is mounted at \(mountpoint): \(content)")
    case .failed(let status, let message):
      throw CommandFailure(CommandFailure.Status(rawValue: status) ?? .failed, message)
    }
  }

  // MARK: Foreground

  private func serve() throws {
    // Signals are blocked before anything can have started a thread.
    let signals = try StopSignals()
    FreeMemory.giveBackAtOnce()
    SystemFile.nameThisProcess("tantra")
    let readiness = readiness.flatMap { Readiness(descriptor: $0) }
    let mount: FuseMount
    let registry: WeightRegistry
    let remote: RemoteMount?
    do {
      (mount, registry, remote) = try makeMount()
    } catch {
      guard let failure = error as? CommandFailure ?? CommandFailure(error) else { throw error }
      guard let readiness else { throw failure }
      readiness.reportFailure(exitStatus: UInt8(clamping: failure.status.rawValue), message: failure.message)
      throw ExitCode(failure.status.rawValue)
    }
    if let readiness { readiness.reportReady() }
    let writes = !readOnly && remote == nil
    let housekeeping = writes ? Housekeeping(registry) : nil
    let following = writes ? Following(registry) : nil
    mount.serve(stoppingOn: signals)
    following?.stop()
    housekeeping?.stop()
    remote?.stop()
    registry.records.uploads.releaseAll()
  }

  private func makeMount() throws -> (FuseMount, WeightRegistry, RemoteMount?) {
    var mirrors: [CInt] = Journal.isStandardError ? [] : [STDERR_FILENO]
    if let logFile {
      let descriptor = open(logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else {
        throw CommandFailure(.inputOutput, "\(logFile): \(String(cString: strerror(errno)))")
      }
      mirrors.append(descriptor)
    }
    let events = EventLog(mirrors: mirrors, journal: Journal.isStandardError ? STDERR_FILENO : nil)
    let level = logLevel
    let logger = Logger(label: "tantra") { _ in EventLogHandler(events, level: level) }
    let mountpoint = try Mountpoint.resolve(mountpoint)
    if let reference = try remote.reference() {
      return try makeMount(of: reference, at: mountpoint, events, logger)
    }
    let path = try path()
    // A mistyped --store must not become an empty store.
    _ = try StoreFolder(path: path, creating: create)
    let registry = try WeightRegistry(
      storePath: path, access: readOnly ? .reading : .writing(mountpoint: mountpoint), logger: logger,
      checkers: [ShapeChecker(), GoldenChecker()])
    let mount = try FuseMount(
      WeightsFileSystem(registry: registry, events: events, logger: logger), at: mountpoint,
      options: MountOptions(
        isReadOnly: readOnly, allowsOthers: allowOther, isStoreStacked: try registry.records.volume().isStacked),
      logger: logger)
    return (mount, registry, nil)
  }

  private func makeMount(
    of reference: RemoteReference, at mountpoint: String, _ events: EventLog, _ logger: Logger
  ) throws -> (FuseMount, WeightRegistry, RemoteMount?) {
    let remote = try remote.open(reference, mountpoint: mountpoint, logger: logger)
    let registry = remote.registry
    let mount = try FuseMount(
      WeightsFileSystem(registry: registry, events: events, logger: logger, status: { remote.status }), at: mountpoint,
      options: MountOptions(
        isReadOnly: true, allowsOthers: allowOther, isStoreStacked: try registry.records.volume().isStacked),
      logger: logger)
    remote.start()
    return (mount, registry, remote)
  }
}
