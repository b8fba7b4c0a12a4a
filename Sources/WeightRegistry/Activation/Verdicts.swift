import Dispatch
import StoreRecords
import Synchronization

/// What validations of versions have found a moment ago, so that a link can be re-pointed without waiting for one: whoever does
/// that holds up everybody who looks into the model's folder.
final class Verdicts: Sendable {
  private struct Key: Hashable, Sendable {
    var model: ModelName
    var version: VersionName
  }

  private struct Passed: Sendable {
    var manifest: Manifest
    var time: ContinuousClock.Instant
  }

  private struct State: Sendable {
    var passed: [Key: Passed] = [:]
    var running: [Key: DispatchGroup] = [:]
  }

  /// How long a version that passed counts as intact.
  private static let validity = Duration.seconds(600)
  private let state = Mutex(State())

  /// Notes that a version has passed.
  func note(_ manifest: Manifest) {
    let key = Key(model: manifest.model, version: manifest.version)
    state.withLock { state in
      state.passed = state.passed.filter { ContinuousClock.now - $0.value.time < Self.validity }
      state.passed[key] = Passed(manifest: manifest, time: .now)
    }
  }

  /// Whether the version has passed as it is.
  func hasPassed(_ manifest: Manifest) -> Bool {
    let known = state.withLock { $0.passed[Key(model: manifest.model, version: manifest.version)] }
    guard let known else { return false }
    return known.manifest == manifest && ContinuousClock.now - known.time < Self.validity
  }

  /// Runs a validation on another thread, unless one of the version is running, and waits for it a while.
  ///
  /// - Returns: whether it has ended.
  func run(
    _ model: ModelName, _ version: VersionName, patience: DispatchTimeInterval,
    _ validate: @escaping @Sendable () -> Void
  ) -> Bool {
    let key = Key(model: model, version: version)
    let (group, isNew) = state.withLock { state -> (DispatchGroup, Bool) in
      if let group = state.running[key] { return (group, false) }
      let group = DispatchGroup()
      group.enter()
      state.running[key] = group
      return (group, true)
    }
    if isNew {
      DispatchQueue.global().async {
        validate()
        self.state.withLock { $0.running[key] = nil }
        group.leave()
      }
    }
    return group.wait(timeout: .now() + patience) == .success
  }
}
