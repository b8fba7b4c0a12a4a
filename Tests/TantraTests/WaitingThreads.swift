import Foundation
import Testing

/// Runs tests on threads of their own, a few at once. Such a test waits for programs and for the disk most of its time: on the
/// threads that Swift has, one a core, others would wait behind it.
struct OnWaitingThreads: TestTrait, SuiteTrait, TestScoping {
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(WaitingThreads.shared) { try await function() }
  }
}

extension Trait where Self == OnWaitingThreads {
  static var onWaitingThreads: Self { Self() }
}

/// An executor with a fixed number of threads, which may block.
private final class WaitingThreads: TaskExecutor {
  /// How many tests wait at once.
  static let shared = WaitingThreads(count: 4)

  private struct State {
    var jobs: [UnownedJob] = []
  }

  private let condition = NSCondition()
  nonisolated(unsafe) private var state = State()

  private init(count: Int) {
    for _ in 0..<count {
      let thread = Thread { [self] in while true { next().runSynchronously(on: asUnownedTaskExecutor()) } }
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    condition.lock()
    state.jobs.append(job)
    condition.signal()
    condition.unlock()
  }

  /// The job that has waited longest; waits for one.
  private func next() -> UnownedJob {
    condition.lock()
    defer { condition.unlock() }
    while state.jobs.isEmpty { condition.wait() }
    return state.jobs.removeFirst()
  }
}
