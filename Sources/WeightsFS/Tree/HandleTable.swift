import Synchronization

/// Open files and folders by number.
final class HandleTable: Sendable {
  private struct State: Sendable {
    var handles: [HandleNumber: any OpenHandle] = [:]
    var last: UInt64 = 0
  }

  private let state = Mutex(State())

  func insert(_ handle: any OpenHandle) -> HandleNumber {
    state.withLock { state in
      state.last += 1
      let number = HandleNumber(rawValue: state.last)
      state.handles[number] = handle
      return number
    }
  }

  subscript(number: HandleNumber) -> (any OpenHandle)? { state.withLock { $0.handles[number] } }

  func remove(_ number: HandleNumber) { state.withLock { $0.handles[number] = nil } }

  /// How many files and folders are open.
  var count: Int { state.withLock { $0.handles.count } }
}
