import CFuse
import Glibc
import Synchronization

/// Whether somebody serves a mount.
package enum MountHealth: Hashable, Sendable {
  case alive
  /// The daemon is gone: every access gives ENOTCONN ("Transport endpoint is not connected").
  case dead
  /// The daemon is there but does not answer.
  case unresponsive
  /// It cannot be told: another user mounted it, for itself only.
  case unknown

  /// What an access has shown: 0 if it went well.
  package init(errno: CInt) {
    switch errno {
    case ENOTCONN, ECONNABORTED: self = .dead
    case EACCES, EPERM: self = .unknown
    default: self = .alive
    }
  }

  /// Asks the file system on `mountpoint`, and waits at most `limit` for it.
  ///
  /// Never for a mount of this process, which would wait for itself. A daemon that hangs keeps the asking thread until it
  /// answers or this process ends.
  package static func probe(_ mountpoint: String, limit: Duration = .seconds(2)) throws(MountError) -> MountHealth {
    let arrived = try Latch()
    let answer = Answer()
    let thread = WorkerThread.start(detached: true) {
      answer.code.store(cfuse_probe(mountpoint), ordering: .releasing)
      arrived.set()
    }
    guard thread != nil else { throw .systemResource("no thread", errno: EAGAIN) }
    guard Latch.wait(for: [arrived.descriptor], limit: limit) != nil else { return .unresponsive }
    return MountHealth(errno: -answer.code.load(ordering: .acquiring))
  }

  private final class Answer: Sendable {
    let code = Atomic<CInt>(0)
  }
}
