import Glibc
import PosixIO
import StoreClient
import Synchronization
import SystemPackage

/// A question to a mount that may never answer. It has a thread of its own, so that whoever asks can give up at any time; the thread
/// stays until the mount answers, or this process ends.
final class MountInquiry: Sendable {
  /// How much is asked.
  enum Scope: CaseIterable {
    /// Whether the mount answers at all. It counts nothing to do so.
    case health
    /// What it has counted, too.
    case metrics

    /// How long somebody may wait for it.
    var limit: Duration { self == .health ? .seconds(2) : .seconds(5) }
  }

  /// What has come so far.
  struct Findings: Sendable {
    var mountpoint: String?
    /// What the mount says of itself: then it is alive.
    var version: ControlVersion?
    /// How long that took.
    var answerTime: Duration?
    /// `.control/status`.
    var status: String?
    /// `.control/metrics`.
    var metrics: String?
    /// Why there is no more.
    var problem: String?
    /// Whether nothing else comes.
    var isComplete = false
  }

  let scope: Scope
  let began = ContinuousClock.now
  private let state = Mutex(Findings())

  /// What has come by now.
  var findings: Findings { state.withLock { $0 } }
  /// When nobody waits any longer.
  var deadline: ContinuousClock.Instant { began + scope.limit }

  /// Begins to ask.
  ///
  /// - Parameters:
  ///   - locate: finds the mountpoint.
  ///   - finish: called on the asking thread when nothing else comes.
  init(
    _ scope: Scope, at locate: @escaping @Sendable () throws -> String, finish: @escaping @Sendable () -> Void
  ) {
    self.scope = scope
    let thread = PosixThread.start { [self] in
      do {
        try ask(at: try locate())
      } catch {
        let problem = (error as? CommandFailure ?? CommandFailure(error))?.message ?? "\(error)"
        note { $0.problem = problem }
      }
      note { $0.isComplete = true }
      finish()
    }
    if let thread {
      pthread_detach(thread)
    } else {
      note {
        $0.problem = "this machine gives no thread to ask the mount with"
        $0.isComplete = true
      }
      finish()
    }
  }

  private func note(_ change: (inout sending Findings) -> Void) { state.withLock { change(&$0) } }

  private func ask(at mountpoint: String) throws(PosixError) {
    note { $0.mountpoint = mountpoint }
    let control = ControlFolder(mountpoint: mountpoint)
    let start = ContinuousClock.now
    let version = try control.text(of: ControlVersion.fileName).map { ControlVersion($0) }
    let time = ContinuousClock.now - start
    note { ($0.version, $0.answerTime) = (version, time) }
    guard scope == .metrics else { return }
    let metrics = try control.text(of: "metrics")
    note { $0.metrics = metrics }
    let status = try control.text(of: "status")
    note { $0.status = status }
  }
}

extension MountInquiry.Findings {
  /// Whether the mount has said who it is.
  var isAlive: Bool { version != nil }

  /// Why the mount is taken for dead, for people.
  ///
  /// - Parameter time: how long it was waited for.
  func reason(after time: Duration) -> String {
    if let problem { return problem }
    let seconds = Int(time / .seconds(1))
    return "the mount\(mountpoint.map { " at \($0)" } ?? "") has not answered for \(seconds) s"
  }
}
