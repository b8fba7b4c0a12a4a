import CPosix
import Glibc
import SystemPackage

/// A question to a file system that may never answer, asked by a process of its own.
///
/// A thread that waits for such a file system cannot be ended, and keeps its process from ending. The process that asks here is
/// nobody's child and has nothing else open. When this object goes, or its process ends in whatever way, the kernel kills the one
/// that asks. If the file system has taken the question already, that one ends once it is answered or the mount is gone.
package final class DetachedRead {
  package enum Answer: Sendable, Hashable {
    case bytes([UInt8])
    case failure(errno: CInt)
  }

  /// The most bytes of an answer.
  private static let limit = 16 << 20

  private let pipe: ChildPipe
  /// What the process that asks lives by: this one holds the write end.
  private let life: ChildPipe
  /// What has come.
  private var received: [UInt8] = []
  private var hasEnded = false

  /// Asks for what a file holds.
  ///
  /// - Parameter path: absolute.
  package convenience init(contentsOf path: String) throws(PosixError) { try self.init(TANTRA_CONTENTS, path) }

  /// Asks whether there is something at a path, past every cache. The answer has no bytes.
  ///
  /// - Parameter path: absolute.
  package convenience init(statusOf path: String) throws(PosixError) { try self.init(TANTRA_STATUS, path) }

  /// Asks for an extended attribute. Links are not followed.
  ///
  /// - Parameter path: absolute.
  package convenience init(attribute: String, of path: String) throws(PosixError) {
    try self.init(TANTRA_ATTRIBUTE, path, attribute: attribute)
  }

  private init(
    _ kind: tantra_question_kind, _ path: String, attribute: String = ""
  ) throws(PosixError) {
    (pipe, life) = (try ChildPipe(), try ChildPipe())
    AdoptedProcesses.reap()
    try systemCall("fork", path) {
      path.withCString { path in
        attribute.withCString { attribute in
          var question = tantra_question(kind: kind, path: path, attribute: attribute)
          return tantra_ask(&question, pipe.writeEnd, life.readEnd)
        }
      }
    }
    pipe.closeWriteEnd()
  }

  deinit {
    guard received.count >= Self.startByteCount else { return }
    let start = received.withUnsafeBytes { $0.loadUnaligned(as: tantra_answer_start.self) }
    AdoptedProcesses.add(start.pid)
  }

  private static let startByteCount = MemoryLayout<tantra_answer_start>.size

  /// Waits for the answer; nil if there is none by `deadline`. Without one it waits for as long as it takes.
  package func answer(before deadline: ContinuousClock.Instant? = nil) -> Answer? {
    while !hasEnded {
      do throws(PosixError) {
        guard try waits(until: deadline) else { return nil }
        if let bytes = try pipe.read(upTo: 1 << 16) { received += bytes } else { hasEnded = true }
      } catch {
        return .failure(errno: error.errno.rawValue)
      }
      guard received.count <= Self.limit else { return .failure(errno: EFBIG) }
    }
    // Without its end somebody has killed the process.
    let count = MemoryLayout<tantra_answer_end>.size
    guard received.count >= Self.startByteCount + count else { return .failure(errno: EIO) }
    let end = received.suffix(count).withUnsafeBytes { $0.loadUnaligned(as: tantra_answer_end.self) }
    guard end.mark == UInt32(TANTRA_ANSWER_MARK) else { return .failure(errno: EIO) }
    return end.code == 0
      ? .bytes(Array(received.dropFirst(Self.startByteCount).dropLast(count))) : .failure(errno: end.code)
  }

  /// Whether something comes, or the end does.
  private func waits(until deadline: ContinuousClock.Instant?) throws(PosixError) -> Bool {
    var waiting = pollfd(fd: pipe.readEnd, events: Int16(POLLIN), revents: 0)
    while true {
      let left = deadline.map { max(.zero, $0 - .now) / .milliseconds(1) }
      let count = poll(&waiting, 1, left.map { CInt(min($0.rounded(.up), 1e9)) } ?? -1)
      if count > 0 { return true }
      if count == 0 { return false }
      if errno != EINTR { throw PosixError(Errno(rawValue: errno), call: "poll", path: "") }
    }
  }
}
