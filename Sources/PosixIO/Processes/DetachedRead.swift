import CPosix
import Glibc
import SystemPackage

/// A question to a file system that may never answer, asked by a process of its own.
///
/// A thread that waits for such a file system cannot be ended, and keeps its process from ending. The process that asks here is
/// nobody's child and has nothing else open, so that it is in nobody's way. It is ended when nobody wants the answer any more, as
/// soon as the file system lets it.
package final class DetachedRead {
  package enum Answer: Sendable, Hashable {
    case bytes([UInt8])
    case failure(errno: CInt)
  }

  /// Answers have no more bytes.
  private static let limit = 16 << 20

  private let pipe: ChildPipe
  /// The process that asks.
  private let process: CInt
  /// What has come.
  private var received: [UInt8] = []
  private var hasEnded = false

  /// Asks for what a file holds.
  ///
  /// - Parameter path: absolute.
  package convenience init(contentsOf path: String) throws(PosixError) { try self.init(TANTRA_CONTENTS, path) }

  /// Asks whether there is something at a path, which is not believed from any cache. The answer has no bytes.
  ///
  /// - Parameter path: absolute.
  package convenience init(statusOf path: String) throws(PosixError) { try self.init(TANTRA_STATUS, path) }

  /// Asks for an extended attribute, of a link for its own.
  ///
  /// - Parameter path: absolute.
  package convenience init(attribute: String, of path: String) throws(PosixError) {
    try self.init(TANTRA_ATTRIBUTE, path, attribute: attribute)
  }

  private init(
    _ kind: tantra_question_kind, _ path: String, attribute: String = ""
  ) throws(PosixError) {
    let pipe = try ChildPipe()
    try systemCall("fork", path) {
      path.withCString { path in
        attribute.withCString { attribute in
          var question = tantra_question(kind: kind, path: path, attribute: attribute)
          return tantra_ask(&question, pipe.writeEnd)
        }
      }
    }
    pipe.closeWriteEnd()
    guard let number = try pipe.read(upTo: 4), number.count == 4 else {
      throw PosixError(.ioError, call: "the process that asks has ended", path: path)
    }
    self.pipe = pipe
    process = Self.number(number)
  }

  deinit {
    // It has the pipe open: the number is still its own.
    if !hasEnded { kill(process, SIGKILL) }
  }

  private static func number(_ bytes: some Collection<UInt8>) -> CInt {
    Array(bytes).withUnsafeBytes { $0.loadUnaligned(as: CInt.self) }
  }

  /// Waits for the answer; nil if there is none by `deadline`. Without one it waits for as long as it takes.
  package func answer(before deadline: ContinuousClock.Instant? = nil) -> Answer? {
    while !hasEnded {
      guard waits(until: deadline) else { return nil }
      do throws(PosixError) {
        if let bytes = try pipe.read(upTo: 1 << 16) { received += bytes } else { hasEnded = true }
      } catch {
        return .failure(errno: error.errno.rawValue)
      }
      guard received.count <= Self.limit else { return .failure(errno: EFBIG) }
    }
    // Without its end somebody has killed the process.
    guard received.count >= 4 else { return .failure(errno: EIO) }
    let code = Self.number(received.suffix(4))
    return code == 0 ? .bytes(received.dropLast(4)) : .failure(errno: code)
  }

  /// Whether something comes, or the end does.
  private func waits(until deadline: ContinuousClock.Instant?) -> Bool {
    var waiting = pollfd(fd: pipe.readEnd, events: Int16(POLLIN), revents: 0)
    while true {
      let left = deadline.map { max(.zero, $0 - .now) / .milliseconds(1) }
      let count = poll(&waiting, 1, left.map { CInt(min($0.rounded(.up), 1e9)) } ?? -1)
      if count > 0 { return true }
      if count == 0 || errno != EINTR { return false }
    }
  }
}
