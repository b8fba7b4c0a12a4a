import Dispatch
import Glibc
package import StoreRecords
import Synchronization

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

  /// An answer that may never come.
  private final class Question: Sendable {
    private let answer = Mutex(Answer.none)
    private let arrived = DispatchSemaphore(value: 0)

    init(_ mountpoint: String) {
      DispatchQueue(label: "tantra.probe").async { [self] in
        let found = ControlFolder.read(ControlFolder(mountpoint: mountpoint).path + "/" + ControlVersion.fileName)
        answer.withLock { $0 = found }
        arrived.signal()
      }
    }

    /// What has come, if need be after waiting for it.
    func answer(before deadline: DispatchTime) -> Answer {
      guard arrived.wait(timeout: deadline) == .success else { return .none }
      return answer.withLock { $0 }
    }
  }

  /// Asks mounts who they are, all at once, and waits at most so long for all of them together. Nothing is counted or
  /// walked for the answer.
  ///
  /// A daemon that hangs keeps the thread that asks it until it answers or this process ends.
  ///
  /// - Parameter whenWaiting: told after a second which mounts have not answered yet.
  /// - Returns: the answers, in the order of the mountpoints.
  package static func versions(
    at mountpoints: [String], within limit: Duration, whenWaiting: ([String]) -> Void = { _ in }
  ) -> [Answer] {
    let start = DispatchTime.now()
    let questions = mountpoints.map { Question($0) }
    let early = questions.map { $0.answer(before: min(start + limit.dispatchInterval, start + .seconds(1))) }
    let late = zip(mountpoints, early).filter { $0.1 == .none }.map(\.0)
    if !late.isEmpty { whenWaiting(late) }
    return zip(questions, early).map { question, answer in
      answer == .none ? question.answer(before: start + limit.dispatchInterval) : answer
    }
  }

  /// As ``versions(at:within:)``, for one mount.
  package static func version(at mountpoint: String, within limit: Duration) -> Answer {
    versions(at: [mountpoint], within: limit)[0]
  }

  private static func read(_ file: String) -> Answer {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return .failure(errno: errno) }
    defer { close(descriptor) }
    guard let bytes = contents(of: descriptor) else { return .failure(errno: errno) }
    return .version(ControlVersion(String(decoding: bytes, as: UTF8.self)))
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

extension Duration {
  fileprivate var dispatchInterval: DispatchTimeInterval { .milliseconds(Int(self / .milliseconds(1))) }
}
