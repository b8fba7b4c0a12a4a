import PosixIO

/// Wakes its user when the records of a store may have changed.
///
/// Programs that change a store write a number after each change, which wakes at once. What others do to it, or what another
/// machine does over a network, is found by a look at the number and at the times of a few folders, once in a while.
package final class StoreNotifier: Sendable {
  private let store: StoreFolder
  /// nil where the system gives none: then only looks tell.
  private let notifier: ChangeNotifier?

  package init(_ store: StoreFolder) {
    self.store = store
    do throws(PosixError) { notifier = try ChangeNotifier() } catch { notifier = nil }
  }

  /// Waits at most for `limit`. A signal ends the wait, too.
  ///
  /// - Returns: whether the store is known to have changed since the last call.
  package func wait(limit: Duration) throws(StoreError) -> Bool {
    guard let notifier else {
      BackgroundThread.rest(limit)
      return false
    }
    for (folder, change) in places {
      // What is not there yet cannot change; the next call sees it.
      do throws(PosixError) { try notifier.watch(folder, for: change) } catch { continue }
    }
    return try posix(try notifier.wait(limit: limit))
  }

  private var places: [(path: String, change: ChangeNotifier.Change)] {
    [(store.changesPath, .bytes), (store.path, .names), (store.path + "/models", .names)]
  }
}
