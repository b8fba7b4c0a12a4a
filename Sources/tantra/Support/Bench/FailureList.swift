import Synchronization

/// Errors of several threads.
final class FailureList: Sendable {
  private let errors = Mutex<[any Error]>([])

  func add(_ error: any Error) { errors.withLock { $0.append(error) } }

  /// Throws the first, if there is one.
  func rethrow() throws {
    if let first = errors.withLock({ $0.first }) { throw first }
  }
}
