import CFuse
import Glibc
import Logging
import Synchronization
import WeightsFS

/// What every callback needs: the tree that answers, and where failures are logged. libfuse carries it as user data.
final class Dispatcher: Sendable {
  let fileSystem: any FileSystem
  let owner: Owner
  let notifier: KernelNotifier
  let passthrough: Passthrough
  let logger: Logger
  let patientReads = PatientReads()
  private let handshake = Atomic<Bool>(false)

  init(fileSystem: any FileSystem, notifier: KernelNotifier, passthrough: Passthrough, logger: Logger) {
    self.fileSystem = fileSystem
    self.notifier = notifier
    self.passthrough = passthrough
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

  /// Answers an operation that has no result but success or failure.
  static func perform(
    _ raw: fuse_req_t?, _ operation: StaticString,
    _ body: (any FileSystem, borrowing Request) throws(FileSystemError) -> Void
  ) {
    handle(raw) { dispatcher, request in
      do throws(FileSystemError) {
        try body(dispatcher.fileSystem, request)
        request.reply(errno: 0)
      } catch {
        dispatcher.fail(request, operation, error)
      }
    }
  }

  /// The number of the file that the kernel reads and writes instead of an open one; nil if this process serves it.
  func backing(of file: OpenFile, _ inode: InodeNumber) -> CInt? {
    file.caching == .none ? nil : passthrough.begin(file.handle, of: inode, backing: file.backing)
  }

  /// Closes a file for good.
  func release(_ handle: HandleNumber) {
    passthrough.end(handle)
    fileSystem.release(handle)
  }

  /// Answers with a name that was looked up or made, and takes the lookup back if the kernel did not take the answer.
  ///
  /// - Parameter linked: the file of which the new one is a hard link; see ``KernelAttributes/pretend(_:isLinkOf:)``.
  func answer(_ request: consuming Request, with item: DirectoryItem, likeLinkOf linked: InodeNumber? = nil) {
    var entry = KernelAttributes.entry(for: item.attributes, owner: owner)
    if let linked { KernelAttributes.pretend(&entry, isLinkOf: linked) }
    if !request.reply(entry: entry) {
      fileSystem.forget(item.attributes.inode, count: 1)
    }
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
