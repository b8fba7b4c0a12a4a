import Dispatch
import Glibc
import Logging
import PosixIO
import StoreRecords
import Synchronization
import Tensors
package import WeightRegistry

/// Makes what tags point to the active versions of a mounted store's models, as the policy `follow` of each says. It looks when that policy
/// changes, and then every half a minute.
///
/// It works on a thread of its own that gives way to all others. What fails is logged, and tried again with the next look.
package final class Following: Sendable {
  /// The time between two looks at a tag; a fifth more or less, as chance has it, so that many machines do not ask at once.
  private static let interval = Duration.seconds(30)

  private struct State: Sendable {
    var isStopping = false
    /// Whether the records have changed since they were looked at.
    var hasNews = true
  }

  /// What is known of one model's tag.
  private struct Followed {
    var reference: String
    /// What the tag pointed to when that was taken over last.
    var digest: Digest?
    var next = ContinuousClock.now
    /// The last complaint, which is not said again.
    var complaint: String?
  }

  private let registry: WeightRegistry
  private let state = Mutex(State())
  private let news = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  /// Begins, for a registry that is open for writing; ``stop()`` ends it.
  package init(_ registry: WeightRegistry) {
    self.registry = registry
    registry.records.observe { [weak self] _ in self?.wake { $0.hasNews = true } }
    BackgroundThread.start {
      self.run()
      self.ended.signal()
    }
  }

  /// Ends what is under way, and waits for that. Once.
  package func stop() {
    wake { $0.isStopping = true }
    ended.wait()
  }

  private func wake(_ change: (inout State) -> Void) {
    let isNew = state.withLock { state in
      let before = state.hasNews
      change(&state)
      return !before || state.isStopping
    }
    if isNew { news.signal() }
  }

  private var isStopping: Bool { state.withLock { $0.isStopping } }

  private func run() {
    var followed: [ModelName: Followed] = [:]
    while !isStopping {
      let hasNews = state.withLock { state in
        defer { state.hasNews = false }
        return state.hasNews
      }
      if hasNews { followed = wanted(knowing: followed) }
      for model in followed.keys where !isStopping {
        if var each = followed[model], each.next <= .now {
          look(model, &each)
          followed[model] = each
        }
      }
      guard let next = followed.values.map(\.next).min() else {
        news.wait()
        continue
      }
      _ = news.wait(timeout: .now() + .milliseconds(max(0, Int((next - .now) / .milliseconds(1)))))
    }
  }

  /// What is to be followed now, with what is known of it.
  private func wanted(knowing known: [ModelName: Followed]) -> [ModelName: Followed] {
    var wanted: [ModelName: Followed] = [:]
    for model in registry.records.models {
      let reference = registry.records.policies(of: model)[.follow]
      if reference == PolicyKey.follow.defaultValue { continue }
      wanted[model] = known[model].flatMap { $0.reference == reference ? $0 : nil } ?? Followed(reference: reference)
    }
    return wanted
  }

  private func look(_ model: ModelName, _ followed: inout Followed) {
    followed.next = .now + Self.interval * Double.random(in: 0.8...1.2)
    do throws(StoreError) {
      let interruption = Interruption { self.isStopping }
      let reference = try RemoteReference(validating: followed.reference)
      let remote = try reference.open()
      let digest = try reference.resolve(in: remote, unless: interruption)
      if digest != followed.digest {
        // The history tells where a version came from.
        let actor = Actor(uid: getuid(), pid: getpid(), program: "follow \(reference.placeText)@\(OCIDigest(digest))")
        let report = try Pull(registry, from: remote)(digest, as: (model, nil), activating: true, by: actor) {
          _, _, _ in
          !self.isStopping
        }
        registry.logger.notice("follow: \(report.text.dropLast())")
        followed.digest = digest
      }
      followed.complaint = nil
    } catch {
      if isStopping || followed.complaint == error.message { return }
      followed.complaint = error.message
      registry.logger.warning("follow: \(model) does not follow \(followed.reference): \(error.message)")
    }
  }
}
