import Logging
import PosixIO
import Synchronization

/// Tells of changes of the records: those in this process who have asked for it, and processes that only read the store.
final class ChangeFeed: Sendable {
  private let store: StoreFolder
  private let logger: Logger
  private let observers = Mutex<[@Sendable (RecordChange) -> Void]>([])
  /// Keeps the numbers of changes of one process apart from those of another.
  private static let epoch = UInt64.random(in: 0...(.max >> 1))

  init(_ store: StoreFolder, _ logger: Logger) {
    self.store = store
    self.logger = logger
  }

  func observe(_ observer: @escaping @Sendable (RecordChange) -> Void) {
    observers.withLock { $0.append(observer) }
  }

  /// - Parameter number: one that rises with every change.
  func announce(_ changes: [RecordChange], number: UInt64) {
    do throws(PosixError) { try store.noteChange(number &+ Self.epoch) } catch {
      logger.warning("those who only read the store may learn late of a change: \(StoreError(error))")
    }
    for observer in observers.withLock({ $0 }) { changes.forEach(observer) }
  }
}
