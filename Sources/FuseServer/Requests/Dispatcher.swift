import CFuse
import Glibc
import Logging
import Synchronization
import WeightsFS

/// What every callback needs: the tree that answers, and where failures are logged. libfuse carries it as user data.
final class Dispatcher: Sendable {
  let fileSystem: any FileSystem
  let owner: Owner
  let logger: Logger
  private let handshake = Atomic<Bool>(false)

  init(fileSystem: any FileSystem, logger: Logger) {
    self.fileSystem = fileSystem
    self.owner = .current
    self.logger = logger
  }

  /// Whether the kernel and libfuse have agreed on how to talk.
  var isInitialized: Bool {
    get { handshake.load(ordering: .acquiring) }
    set { handshake.store(newValue, ordering: .releasing) }
  }

  /// Runs a callback's work with the dispatcher that its request belongs to.
  static func handle(_ raw: fuse_req_t?, _ body: (Dispatcher, consuming Request) -> Void) {
    guard let raw else { return }
    let request = Request(raw)
    guard let userdata = fuse_req_userdata(raw) else { return }
    // The session outlives its requests and keeps the dispatcher.
    body(Unmanaged<Dispatcher>.fromOpaque(userdata).takeUnretainedValue(), request)
  }

  /// Answers with the errno of a failure, and logs its reason if it has one.
  func fail(_ request: consuming Request, _ operation: StaticString, _ error: FileSystemError) {
    let code = Errno.code(of: error)
    if !error.reason.isEmpty {
      let caller = request.caller
      logger.warning("\(operation) by process \(caller.pid) of user \(caller.uid) failed: \(error.reason)")
    }
    request.reply(errno: code)
  }
}
