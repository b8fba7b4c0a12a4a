import StoreRecords
import Synchronization
import WeightRegistry

/// Open files and folders by number.
final class HandleTable: Sendable {
  enum Handle: Sendable {
    case view(OpenView)
    case writer(Writer)
    /// Content that was made when the file was opened.
    case snapshot([UInt8])
    case control(ControlSession)
    case directory([DirectoryEntry])
  }

  private struct State: Sendable {
    var handles: [HandleNumber: Handle] = [:]
    var last: UInt64 = 0
  }

  private let state = Mutex(State())

  func insert(_ handle: Handle) -> HandleNumber {
    state.withLock { state in
      state.last += 1
      let number = HandleNumber(rawValue: state.last)
      state.handles[number] = handle
      return number
    }
  }

  subscript(number: HandleNumber) -> Handle? { state.withLock { $0.handles[number] } }

  func remove(_ number: HandleNumber) { state.withLock { $0.handles[number] = nil } }

  /// How many files and folders are open.
  var count: Int { state.withLock { $0.handles.count } }
}
