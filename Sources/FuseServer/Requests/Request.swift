import CFuse
import Glibc
import StoreRecords
import WeightsFS

/// One request of the kernel, which is answered exactly once: a request that goes out of scope unanswered answers EIO.
///
/// Methods that return a flag say whether the kernel took the answer. It does not when the caller was interrupted
/// meanwhile; then whatever the answer handed over (a lookup, a handle) has to be taken back.
struct Request: ~Copyable {
  private let raw: fuse_req_t

  init(_ raw: fuse_req_t) { self.raw = raw }

  deinit { fuse_reply_err(raw, EIO) }

  /// Hands out libfuse's request; who takes it has to answer it.
  consuming func take() -> fuse_req_t {
    let raw = raw
    discard self
    return raw
  }

  /// The process that made the request; all zero if it lives in another namespace.
  var caller: Caller {
    guard let context = fuse_req_ctx(raw) else { return Caller(uid: 0, gid: 0, pid: 0) }
    return Caller(uid: context.pointee.uid, gid: context.pointee.gid, pid: context.pointee.pid)
  }

  /// Tells, on any thread until the request is answered, whether its caller has been sent a signal.
  var interruption: @Sendable () -> Bool {
    // libfuse guards the flag with a lock of its own.
    nonisolated(unsafe) let raw = raw
    return { fuse_req_interrupted(raw) != 0 }
  }

  /// Answers with success, or with an errno.
  consuming func reply(errno code: CInt) { fuse_reply_err(take(), Errno.answerable(code)) }

  /// Ends a request that has no answer (FORGET).
  consuming func replyNothing() { fuse_reply_none(take()) }

  consuming func reply(entry: fuse_entry_param) -> Bool {
    let raw = take()
    return withUnsafePointer(to: entry) { fuse_reply_entry(raw, $0) == 0 }
  }

  consuming func reply(attributes: FileAttributes, owner: Owner) {
    let status = KernelAttributes.status(of: attributes, owner: owner)
    let raw = take()
    _ = withUnsafePointer(to: status) { fuse_reply_attr(raw, $0, KernelAttributes.timeout(of: attributes)) }
  }

  consuming func reply(link target: LinkTarget) {
    fuse_reply_readlink(take(), target.bytes.map { CChar(bitPattern: $0) } + [0])
  }

  consuming func reply(open information: UnsafePointer<fuse_file_info>) -> Bool {
    fuse_reply_open(take(), information) == 0
  }

  /// Answers with an open file that the kernel reads itself.
  consuming func reply(open information: UnsafePointer<fuse_file_info>, backing id: CInt) -> Bool {
    cfuse_reply_open_backed(take(), information, id) == 0
  }

  consuming func reply(created entry: fuse_entry_param, _ information: UnsafePointer<fuse_file_info>) -> Bool {
    let raw = take()
    return withUnsafePointer(to: entry) { fuse_reply_create(raw, $0, information) == 0 }
  }

  /// Answers with a new file that the kernel writes itself.
  consuming func reply(
    created entry: fuse_entry_param, _ information: UnsafePointer<fuse_file_info>, backing id: CInt
  ) -> Bool {
    let raw = take()
    return withUnsafePointer(to: entry) { cfuse_reply_create_backed(raw, $0, information, id) == 0 }
  }

  /// Answers with an attribute's value, or with its size if the caller has offered no room.
  consuming func reply(attribute value: [UInt8], room: Int) {
    if room == 0 {
      fuse_reply_xattr(take(), value.count)
    } else if value.count > room {
      reply(errno: ERANGE)
    } else {
      let raw = take()
      value.withUnsafeBytes { _ = Request(raw).reply(bytes: $0) }
    }
  }

  consuming func reply(written count: Int) { fuse_reply_write(take(), count) }

  consuming func reply(statistics: statvfs) {
    let raw = take()
    _ = withUnsafePointer(to: statistics) { fuse_reply_statfs(raw, $0) }
  }

  /// Answers with bytes; false if the kernel did not take them.
  @discardableResult
  consuming func reply(bytes: UnsafeRawBufferPointer) -> Bool {
    fuse_reply_buf(take(), bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count) == 0
  }

  /// Answers with what a vector describes, exactly `count` bytes; with EIO if its files turn out to hold fewer.
  consuming func reply(vector: UnsafeMutablePointer<fuse_bufvec>, count: Int) {
    cfuse_reply_exactly(take(), vector, count)
  }
}
