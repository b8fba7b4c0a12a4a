import CFuse
import Glibc
import Logging
import WeightsFS

/// libfuse's session: the connection to the kernel behind one mount.
///
/// Unchecked: the pointer does not change, and of libfuse's session functions only those that it documents as safe on many
/// threads (receive, process, exit, exited, notify) are called while workers run.
final class FuseSession: @unchecked Sendable {
  private let raw: OpaquePointer
  private let dispatcher: Dispatcher

  /// Makes a session that is not connected. Throws ``MountError/mountFailed(_:reason:)``.
  init(_ dispatcher: Dispatcher, options: MountOptions, mountpoint: String) throws(MountError) {
    self.dispatcher = dispatcher
    var settings = [
      "fsname=\(MountTable.source)", "subtype=\(MountTable.subtype)", "default_permissions",
      "max_read=\(SessionRequests.longestRead)",
    ]
    if options.isReadOnly { settings.append("ro") }
    if options.allowsOthers { settings.append("allow_other") }
    var arguments = fuse_args()
    defer { fuse_opt_free_args(&arguments) }
    for argument in ["tantra", "-o", settings.joined(separator: ",")] where fuse_opt_add_arg(&arguments, argument) != 0
    {
      throw .systemResource("no memory for a session", errno: ENOMEM)
    }
    var table = KernelOperations.table()
    // libfuse copies the table; the session keeps the dispatcher for it.
    let userdata = Unmanaged.passUnretained(dispatcher).toOpaque()
    guard let raw = fuse_session_new(&arguments, &table, MemoryLayout<fuse_lowlevel_ops>.size, userdata) else {
      throw .mountFailed(mountpoint, reason: LibfuseLog.lastError)
    }
    self.raw = raw
  }

  /// Closes the connection, which aborts it if the file system is still mounted. No worker may be in the session.
  deinit { fuse_session_destroy(raw) }

  /// Mounts on `mountpoint`. Throws ``MountError/mountFailed(_:reason:)``.
  func mount(at mountpoint: String) throws(MountError) {
    guard fuse_session_mount(raw, mountpoint) == 0 else {
      let reason = LibfuseLog.lastError
      throw .mountFailed(mountpoint, reason: reason.isEmpty ? "fusermount3 refused, and said why above" : reason)
    }
  }

  /// Answers the kernel's first request: when this returns, the mount works as soon as somebody serves.
  ///
  /// - Returns: whether the kernel reads backing files itself.
  func agree(with mountpoint: String, _ options: MountOptions) throws(MountError) -> Bool {
    let hooked = cfuse_hook_session(raw)
    guard hooked == 0 else { throw .systemResource("the session takes no hooks", errno: -hooked) }
    cfuse_want_passthrough(options.passesThrough ? (options.isStoreStacked ? 2 : 1) : 0)
    var buffer = fuse_buf()
    defer { free(buffer.mem) }
    while !dispatcher.isInitialized {
      guard let received = receive(&buffer), !hasEnded else {
        throw .mountFailed(mountpoint, reason: "the kernel and libfuse did not agree: \(LibfuseLog.lastError)")
      }
      if received { fuse_session_process_buf(raw, &buffer) }
    }
    return cfuse_has_passthrough() != 0
  }

  /// Registers an open file that the kernel is to read itself: its number, or a negative errno.
  func registerBacking(_ descriptor: CInt) -> CInt { cfuse_backing_open(raw, descriptor) }

  /// Takes a registration back. The kernel may be gone, and has forgotten it then.
  func withdrawBacking(_ id: CInt) { _ = cfuse_backing_close(raw, id) }

  /// Serves requests until the session ends, or until `onAnswer` says that this worker is one too many.
  ///
  /// - Parameters:
  ///   - onRequest: called when a request has come, before it is served.
  ///   - onAnswer: called when it has been served; whether to wait for another one.
  func serve(onRequest: () -> Void, onAnswer: () -> Bool) {
    var buffer = fuse_buf()
    defer { free(buffer.mem) }
    while !hasEnded {
      guard let received = receive(&buffer) else { break }
      guard received else { continue }
      onRequest()
      fuse_session_process_buf(raw, &buffer)
      if !onAnswer() { break }
    }
  }

  var hasEnded: Bool { fuse_session_exited(raw) != 0 }

  /// Ends the session for every worker that comes back from its current request.
  func end() { fuse_session_exit(raw) }

  /// Makes the kernel look up every name again before it uses it; false if it cannot be told to.
  func invalidateAllNames() -> Bool { cfuse_increment_epoch(raw) != -EINVAL }

  /// Makes the kernel forget a name in a folder. A kernel that does not know it, or is gone, is no error.
  func invalidate(_ name: String, in parent: InodeNumber) {
    _ = fuse_lowlevel_notify_inval_entry(raw, parent.rawValue, name, name.utf8.count)
  }

  /// Makes the kernel ask again for what it knows of a folder itself: its times.
  func invalidateAttributes(of folder: InodeNumber) {
    _ = fuse_lowlevel_notify_inval_inode(raw, folder.rawValue, -1, 0)
  }

  /// Waits for a request; whether there is one now, or nil if the session has ended.
  private func receive(_ buffer: inout fuse_buf) -> Bool? {
    let size = fuse_session_receive_buf(raw, &buffer)
    switch -size {
    case EINTR, EAGAIN: return false
    case ENOMEM:
      // The request, if any, stays in the kernel's queue.
      dispatcher.logger.error("no memory for a request")
      usleep(10_000)
      return false
    case 0: return nil
    case 1...:
      dispatcher.logger.critical("the kernel's requests cannot be read: \(MountError.text(-size))")
      fuse_session_exit(raw)
      return nil
    default: return true
    }
  }
}
