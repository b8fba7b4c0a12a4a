import Glibc
import PosixIO
import StoreRecords

/// How long one read waits for what is elsewhere: until its deadline, or until the program that reads gets a signal.
struct ReadPatience: Sendable {
  private let limit: Duration?
  private let deadline: ContinuousClock.Instant?
  private let interruption: Interruption

  init(_ limit: Duration?, unless interruption: Interruption) {
    self.limit = limit
    deadline = limit.map { .now + $0 }
    self.interruption = interruption
  }

  /// - Parameters:
  ///   - reason: what went wrong last.
  ///   - whenOver: called before this throws because the time is over.
  func check(_ reason: String = "nothing came", whenOver: () -> Void) throws(StoreError) {
    if interruption.isRequested { throw StoreError(.interrupted, "stopped") }
    guard let deadline, let limit, deadline <= .now else { return }
    whenOver()
    throw StoreError(.system(errno: ETIMEDOUT), "given up after \(Int(limit / .seconds(1))) s: \(reason)")
  }

  /// Waits a little before something is tried again.
  func rest(after failure: StoreError, whenOver: () -> Void) throws(StoreError) {
    for _ in 0..<15 {
      try check(failure.message, whenOver: whenOver)
      usleep(20_000)
    }
  }
}
