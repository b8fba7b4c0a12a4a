import Glibc
import PosixIO
import SystemPackage

/// Whether somebody serves a mount.
package enum MountHealth: Hashable, Sendable {
  case alive
  /// The daemon is gone: every access gives ENOTCONN ("Transport endpoint is not connected").
  case dead
  /// The daemon is there but does not answer.
  case unresponsive
  /// It cannot be told: another user mounted it, for itself only, or this machine has no process left to ask with.
  case unknown

  /// What an access has shown: 0 if it went well.
  package init(errno: CInt) {
    switch errno {
    case ENOTCONN, ECONNABORTED: self = .dead
    case EACCES, EPERM: self = .unknown
    // Nobody has asked, or whoever asked was ended.
    case EAGAIN, ENOMEM, EMFILE, ENFILE, EIO: self = .unknown
    default: self = .alive
    }
  }

  /// Asks the file system on `mountpoint`, an absolute path, and waits at most `limit` for it. A daemon that hangs keeps neither
  /// this thread nor this process.
  package static func probe(_ mountpoint: String, limit: Duration = .seconds(2)) throws(MountError) -> MountHealth {
    let question: DetachedRead
    do throws(PosixError) { question = try DetachedRead(statusOf: mountpoint) } catch {
      throw .systemResource("no process", errno: error.errno.rawValue)
    }
    return switch question.answer(before: .now + limit) {
    case .bytes: .alive
    case .failure(let errno): MountHealth(errno: errno)
    case nil: .unresponsive
    }
  }
}
