import ArgumentParser
import FuseServer
import Glibc
import StoreClient

/// `tantra metrics [MOUNTPOINT] [--listen ADDR]`
///
/// The server is a process of its own, and no part of the daemon: whoever reaches its port reaches nothing that serves files; a
/// mount that hangs cannot tell that it does, so somebody else has to; it needs no rights but to read the mount, and can end and begin
/// again without one.
struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics",
    abstract: "Show what a mount counts, or serve it to Prometheus.",
    discussion: """
      Without a mountpoint it is about the mount of the store. What the mount has counted since it was mounted is printed once, \
      in Prometheus' text format.

      With --listen a server runs until Ctrl-C: GET /metrics has the same text, and tantra_up, which is 0 while the mount does \
      not answer; GET /healthz has status 200 if the mount answers within 2 seconds, else 503 and the reason. It need not be \
      mounted yet, and may be unmounted and mounted again. There is no encryption and no password: let only those who may know \
      the names of models reach the port.

      ADDR is HOST:PORT. A port alone, as 9464, can be reached from this machine only, and :9464 from all others, too.

      Exit codes: 0 done, or ended by Ctrl-C or TERM; 1 not mounted, or the mount does not answer, or the address is in use; 64 wrong usage.
      """)

  @Argument(help: "Where it is mounted; where the store is, if left out.", completion: StoreCompletion.mountpoints)
  var mountpoint: String?
  @Option(help: ArgumentHelp("Serve it over HTTP.", valueName: "addr")) var listen: ListenAddress?
  @Flag(help: "Print JSON: the measurements.") var json = false
  @OptionGroup var store: StoreOptions

  func validate() throws {
    if listen != nil && json { throw ValidationError("--listen and --json exclude each other") }
  }

  func run() throws {
    let locate = try locator()
    guard let listen else { return try show(at: locate) }
    let listeners = try ListeningSocket.all(at: listen)
    Interruption.watch()
    for listener in listeners { Console.note("http://\(listener.name)/metrics and /healthz; Ctrl-C ends it") }
    try MetricsServer(listeners, mount: locate).serve { Interruption.isRequested }
  }

  private func show(at locate: @escaping @Sendable () throws -> String) throws {
    let inquiry = MountInquiry(.metrics, at: locate) {}
    while !inquiry.findings.isComplete, ContinuousClock.now < inquiry.deadline { usleep(1000) }
    let findings = inquiry.findings
    guard findings.isComplete, findings.isAlive, findings.problem == nil else {
      throw CommandFailure(.failed, findings.reason(after: inquiry.scope.limit))
    }
    let metrics = MetricsText(findings)
    if json { try Console.print(json: metrics.samples) } else { Console.print(raw: metrics.text) }
  }

  /// Finds the mount that is meant.
  private func locator() throws -> @Sendable () throws -> String {
    if let mountpoint {
      let path = try Mountpoint.resolve(mountpoint)
      return {
        guard try MountTable.current().top(at: path)?.isTantra == true else {
          throw CommandFailure(.failed, "no store is mounted at \(path)")
        }
        return path
      }
    }
    let (client, path) = (try store.client, try store.path)
    return {
      if let found = try client.liveMountpoint() { return found }
      throw CommandFailure(
        .failed, "the store \(path) is not mounted; tantra mount MOUNTPOINT --store \(path) mounts it")
    }
  }
}
