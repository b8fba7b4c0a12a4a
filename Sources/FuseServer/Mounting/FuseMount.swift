import CFuse
import Glibc
package import Logging
import Synchronization
package import WeightsFS

/// A file system that is mounted on a folder and served by threads of this process.
///
/// No code of this process may look into the mountpoint while it is served.
package final class FuseMount: Sendable {
  /// What ended a mount.
  package enum End: Hashable, Sendable {
    /// INT, TERM or HUP.
    case signal(CInt)
    /// ``requestStop()``.
    case requested
    /// Somebody else unmounted it, or the kernel closed the connection.
    case unmounted
  }

  /// Absolute and free of links.
  package let mountpoint: String
  private let session: FuseSession
  private let workers: WorkerPool
  private let notifier: KernelNotifier
  private let passthrough: Passthrough
  private let patientReads: PatientReads
  private let stopRequest: Latch
  private let device: String?
  private let options: MountOptions
  private let logger: Logger
  private let isFinished = Atomic<Bool>(false)

  /// Mounts `fileSystem` on `path` and starts to serve it.
  ///
  /// A mountpoint that is missing is made; a mount there whose daemon is dead is detached first.
  package init(
    _ fileSystem: any FileSystem, at path: String, options: MountOptions = MountOptions(), logger: Logger
  ) throws(MountError) {
    LibfuseLog.install(logger)
    try MountRequirements.check(options)
    let mountpoint = try Mountpoint.prepare(path, logger: logger)
    let notifier = KernelNotifier()
    let passthrough = Passthrough()
    let dispatcher = Dispatcher(
      fileSystem: fileSystem, notifier: notifier, passthrough: passthrough, logger: logger)
    stopRequest = try Latch()
    var isMounted = false
    do throws(MountError) {
      (session, workers, device) = try Self.start(dispatcher, at: mountpoint, options, &isMounted)
    } catch {
      passthrough.stop()
      // The session is closed by now: what is left of the mount is dead, and detaching it waits for nobody.
      if isMounted { Self.detach(mountpoint, logger) }
      throw error
    }
    self.mountpoint = mountpoint
    self.options = options
    self.logger = logger
    notifier.start(session)
    self.notifier = notifier
    self.passthrough = passthrough
    patientReads = dispatcher.patientReads
    fileSystem.observeChanges { notifier.invalidate($0) }
    if let device { Readahead.raise(device: device, logger: logger) }
    logger.info("mounted at \(mountpoint)")
  }

  /// Mounts, and starts the workers; the device is nil if the table does not show the mount.
  private static func start(
    _ dispatcher: Dispatcher, at mountpoint: String, _ options: MountOptions, _ isMounted: inout Bool
  ) throws(MountError) -> (FuseSession, WorkerPool, device: String?) {
    let session = try FuseSession(dispatcher, options: options, mountpoint: mountpoint)
    try session.mount(at: mountpoint)
    isMounted = true
    if try session.agree(with: mountpoint, options) {
      dispatcher.passthrough.start(session)
    } else {
      dispatcher.logger.notice(
        "the kernel does not read files itself here (FUSE passthrough): reads go through this process")
    }
    let mount = try MountTable.current().top(at: mountpoint)
    let count = options.workerCount.map { min(8, max(1, $0)) } ?? WorkerPool.defaultCount
    return (session, try WorkerPool(session: session, count: count), mount.flatMap { $0.isTantra ? $0.device : nil })
  }

  deinit { if !isFinished.load(ordering: .acquiring) { finish() } }

  /// Waits until the mount ends: by one of `signals`, by ``requestStop()``, or by an unmount from outside. Call it once.
  ///
  /// After the first two the mount is detached at once; files still open are served for the options' drain time, or
  /// until a second signal. When this returns nothing is served any more.
  @discardableResult
  package func serve(stoppingOn signals: StopSignals? = nil) -> End {
    let descriptors = [workers.ended.descriptor, stopRequest.descriptor] + (signals.map { [$0.descriptor] } ?? [])
    let end: End =
      switch Latch.wait(for: descriptors) {
      case stopRequest.descriptor: .requested
      case workers.ended.descriptor, nil: .unmounted
      default: signals?.take().map { .signal($0) } ?? .requested
      }
    finish(hurriedBy: signals)
    logger.info("unmounted from \(mountpoint): \(end)")
    return end
  }

  /// Makes ``serve(stoppingOn:)`` end, from any thread.
  package func requestStop() { stopRequest.set() }

  private func finish(hurriedBy signals: StopSignals? = nil) {
    isFinished.store(true, ordering: .releasing)
    notifier.stop()
    defer { passthrough.stop() }
    if isStillMounted { Self.detach(mountpoint, logger) }
    let hurry = signals.map { [$0.descriptor] } ?? []
    _ = Latch.wait(for: [workers.ended.descriptor] + hurry, limit: options.drainTime)
    // Reads that wait for a network are answered by threads of their own, of which none may outlive the session.
    _ = patientReads.stop(limit: .seconds(1))
    guard workers.stop(limit: .seconds(1)), patientReads.stop(limit: .seconds(1)) else {
      // The session cannot be closed under a worker, which keeps it until it comes back or the process ends.
      logger.warning("a request is still being worked on; it ends with this process")
      return
    }
    workers.join()
  }

  /// Whether our own mount, and no later one, is what stands at the mountpoint; without looking into it.
  private var isStillMounted: Bool {
    guard let device else { return false }
    do throws(MountError) {
      return try MountTable.current().top(at: mountpoint)?.device == device
    } catch {
      logger.warning("\(error)")
      return false
    }
  }

  private static func detach(_ mountpoint: String, _ logger: Logger) {
    do throws(UnmountError) {
      try Unmounter.detach(mountpoint)
    } catch {
      logger.error("\(error)")
    }
  }
}
