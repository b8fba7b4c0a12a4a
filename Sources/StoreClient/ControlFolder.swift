import Glibc
package import PosixIO
package import StoreRecords
import SystemPackage

/// The `.control` folder of a store that another process has mounted.
package struct ControlFolder: Sendable {
  private let path: String

  package init(mountpoint: String) { path = mountpoint + "/.control" }

  // MARK: Is it alive?

  /// What a mount says when it is asked who it is.
  package enum Answer: Sendable, Hashable {
    case version(ControlVersion)
    /// There is no answer, and why: the daemon is gone, or is an older one that does not know the question.
    case failure(errno: CInt)
    /// There was no answer in time.
    case none
  }

  /// Asks mounts who they are, all at once, and waits at most so long for all of them together. Nothing is counted or
  /// walked for the answer. A daemon that hangs keeps neither this thread nor this process.
  ///
  /// - Parameter whenWaiting: told after a second which mounts have not answered yet.
  /// - Returns: the answers, in the order of the mountpoints.
  package static func versions(
    at mountpoints: [String], within limit: Duration, whenWaiting: ([String]) -> Void = { _ in }
  ) -> [Answer] {
    let start = ContinuousClock.now
    let questions = mountpoints.map(question)
    let early = questions.map { answer(to: $0, before: start + min(limit, .seconds(1))) }
    let late = zip(mountpoints, early).filter { $0.1 == .none }.map(\.0)
    if !late.isEmpty { whenWaiting(late) }
    return zip(questions, early).map { $1 == .none ? answer(to: $0, before: start + limit) : $1 }
  }

  /// As ``versions(at:within:)``, for one mount.
  package static func version(at mountpoint: String, within limit: Duration) -> Answer {
    versions(at: [mountpoint], within: limit)[0]
  }

  private static func question(_ mountpoint: String) -> Result<DetachedRead, PosixError> {
    let file = ControlFolder(mountpoint: mountpoint).path + "/" + ControlVersion.fileName
    return Result { () throws(PosixError) in try DetachedRead(contentsOf: file) }
  }

  private static func answer(
    to question: Result<DetachedRead, PosixError>, before deadline: ContinuousClock.Instant
  ) -> Answer {
    switch question {
    case .failure(let error): .failure(errno: error.errno.rawValue)
    case .success(let question):
      switch question.answer(before: deadline) {
      case .bytes(let bytes): .version(ControlVersion(String(decoding: bytes, as: UTF8.self)))
      case .failure(let errno): .failure(errno: errno)
      case nil: .none
      }
    }
  }

  /// The text of one of its files.
  ///
  /// - Parameter limit: how long to wait for it; for as long as it takes if that is nil. A daemon that hangs keeps neither this thread
  ///   for longer nor this process.
  /// - Returns: nil if nothing has come in time.
  /// - Throws: what reading it has given.
  package func text(of name: String, within limit: Duration? = nil) throws(PosixError) -> String? {
    let file = "\(path)/\(name)"
    switch try DetachedRead(contentsOf: file).answer(before: limit.map { .now + $0 }) {
    case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
    case .failure(let errno): throw PosixError(Errno(rawValue: errno), call: "read", path: file)
    case nil: return nil
    }
  }

  // MARK: Requests

  /// Lets the mount carry out a request.
  ///
  /// - Throws: what the registry behind the mount has thrown.
  package func send(_ request: ControlRequest) throws(StoreError) -> ControlReply {
    let file = "\(path)/\(request.control.rawValue)"
    let bytes = try StoreCoding.encode(request, pretty: false)
    let descriptor = open(file, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      throw StoreError(
        code == EACCES || code == EPERM || code == EROFS ? .readOnly : .locked,
        "\(file): \(String(cString: strerror(code))); nothing was changed")
    }
    defer { close(descriptor) }
    let code = write(descriptor, bytes, bytes.count) < 0 ? errno : 0
    guard let reply = try Self.reply(on: descriptor) else {
      if code == EINTR { throw StoreError(.interrupted, "stopped") }
      throw StoreError(
        .system(errno: code == 0 ? EPROTO : code),
        "\(file): \(code == 0 ? "no answer that this program understands" : String(cString: strerror(code)))")
    }
    if case .refused(let error) = reply { throw error.error }
    return reply
  }

  /// The reply to what was written through a handle; nil if there is none that can be read.
  private static func reply(on descriptor: CInt) throws(StoreError) -> ControlReply? {
    guard let bytes = contents(of: descriptor), bytes.first == UInt8(ascii: "{") else { return nil }
    return try StoreCoding.decode(ControlReply.self, from: bytes, what: "the mount's answer")
  }

  /// All that a handle reads; nil and `errno` if that fails.
  private static func contents(of descriptor: CInt) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = pread(descriptor, &buffer, buffer.count, off_t(bytes.count))
      if count == 0 { return bytes }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      bytes += buffer[..<count]
    }
  }
}
