import Synchronization

/// How much a command says beside its results and errors.
enum Verbosity: Sendable {
  /// Nothing: no hints, no progress.
  case quiet
  case usual
  /// What the store does, too.
  case verbose

  private static let chosen = Mutex(Verbosity.usual)

  /// What the command line asks for.
  static var current: Verbosity {
    get { chosen.withLock { $0 } }
    set { chosen.withLock { $0 = newValue } }
  }
}
