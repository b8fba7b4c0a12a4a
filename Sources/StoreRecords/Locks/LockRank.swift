import Glibc
package import PosixIO
import Synchronization

/// The order in which a thread may take the locks of a store: only ever a higher one than those that it holds. Values in memory
/// are guarded by mutexes, which nobody holds while taking a lock.
package enum LockRank: Int, Sendable, Comparable {
  /// One removal of what nothing names, at a time. Held while records are read, model by model.
  case collection
  /// The records of one model. Of two models that of the first name comes first.
  case model
  /// `weight_config.json`.
  case configuration

  package static func < (a: LockRank, b: LockRank) -> Bool { a.rawValue < b.rawValue }
}

/// A lock with a rank. In debug builds a thread that takes locks in another order than their ranks' stops.
package final class RankedLock: Sendable {
  private let rank: LockRank
  /// Orders locks of one rank.
  private let name: String
  private let lock = TurnLock()

  package init(_ rank: LockRank, name: String = "") {
    self.rank = rank
    self.name = name
  }

  /// Runs `body` with the lock held.
  ///
  /// - Throws: `interrupted` if `interruption` is requested before it is this thread's turn.
  package func withLock<R>(
    unless interruption: Interruption = .never, _ body: () throws(StoreError) -> R
  ) throws(StoreError) -> R {
    #if DEBUG
      HeldLocks.check(rank, name)
    #endif
    do throws(PosixError) { try lock.lock(unless: interruption) } catch { throw StoreError(error) }
    #if DEBUG
      HeldLocks.push(rank, name)
      defer { HeldLocks.pop() }
    #endif
    defer { lock.unlock() }
    return try body()
  }
}

/// The lock of each model's records.
final class ModelLocks: Sendable {
  private let locks = Mutex<[ModelName: RankedLock]>([:])

  subscript(model: ModelName) -> RankedLock {
    locks.withLock { locks in
      if let lock = locks[model] { return lock }
      let lock = RankedLock(.model, name: model.text)
      locks[model] = lock
      return lock
    }
  }
}

#if DEBUG
  /// The locks that a thread holds, innermost last.
  private enum HeldLocks {
    private final class List {
      var held: [(rank: LockRank, name: String)] = []
    }

    private static let key: pthread_key_t = {
      var key = pthread_key_t()
      pthread_key_create(&key) { pointer in if let pointer { Unmanaged<List>.fromOpaque(pointer).release() } }
      return key
    }()

    private static var list: List {
      if let pointer = pthread_getspecific(key) { return Unmanaged<List>.fromOpaque(pointer).takeUnretainedValue() }
      let list = List()
      pthread_setspecific(key, Unmanaged.passRetained(list).toOpaque())
      return list
    }

    static func check(_ rank: LockRank, _ name: String) {
      guard let last = list.held.last else { return }
      precondition((last.rank, last.name) < (rank, name), "\(rank) \(name) is taken after \(last.rank) \(last.name)")
    }

    static func push(_ rank: LockRank, _ name: String) { list.held.append((rank, name)) }
    static func pop() { list.held.removeLast() }
  }
#endif
