/// Prints how long steps take.
enum Stopwatch {
  private static let clock = ContinuousClock()

  /// A step that is done once.
  @discardableResult
  static func once<R>(_ step: String, _ body: () throws -> R) rethrows -> R {
    let start = clock.now
    let result = try body()
    print("\(label(step)) \(text(milliseconds(since: start))) ms")
    return result
  }

  /// The median of runs that each get a fresh `setUp`, which is not timed.
  static func median<S, R>(_ step: String, runs: Int, setUp: () throws -> S, _ body: (S) throws -> R) rethrows {
    var times: [Double] = []
    for _ in 0..<runs {
      let subject = try setUp()
      let start = clock.now
      _ = try body(subject)
      times.append(milliseconds(since: start))
    }
    times.sort()
    print("\(label(step)) \(text(times[runs / 2])) ms, at most \(text(times[runs - 1])) of \(runs)")
  }

  /// The median of runs.
  static func median<R>(_ step: String, runs: Int, _ body: () throws -> R) rethrows {
    try median(step, runs: runs, setUp: {}) { _ in try body() }
  }

  private static func milliseconds(since start: ContinuousClock.Instant) -> Double {
    start.duration(to: clock.now) / .milliseconds(1)
  }

  private static func label(_ step: String) -> String {
    "  " + step + String(repeating: " ", count: max(0, 52 - step.count))
  }

  private static func text(_ milliseconds: Double) -> String { "\((milliseconds * 100).rounded() / 100)" }
}
