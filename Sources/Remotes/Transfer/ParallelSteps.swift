import PosixIO
import StoreRecords
import Synchronization

/// Steps that several threads take, each of which may fail.
enum ParallelSteps {
  private struct State<Result: Sendable>: Sendable {
    var next = 0
    var results: [Result?]
    var failure: StoreError?

    mutating func take() -> Int? {
      guard failure == nil, next < results.count else { return nil }
      next += 1
      return next - 1
    }
  }

  /// Calls `body` with each element, on at most so many threads at once, in the order of the elements. After a failure no step
  /// begins.
  ///
  /// - Returns: what the steps made, in that order.
  /// - Throws: the first failure.
  static func map<Element: Sendable, Result: Sendable>(
    _ elements: [Element], threads: Int, _ body: @Sendable (Element) throws(StoreError) -> Result
  ) throws(StoreError) -> [Result] {
    let state = Mutex(State<Result>(results: Array(repeating: nil, count: elements.count)))
    ParallelWork.run(min(threads, elements.count)) {
      while let index = state.withLock({ $0.take() }) {
        do throws(StoreError) {
          let result = try body(elements[index])
          state.withLock { $0.results[index] = result }
        } catch {
          state.withLock { $0.failure = $0.failure ?? error }
        }
      }
    }
    let (results, failure) = state.withLock { ($0.results, $0.failure) }
    if let failure { throw failure }
    return results.compactMap(\.self)
  }
}
