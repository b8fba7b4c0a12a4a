import CPosix

/// Memory of this process that nothing uses any more.
///
/// The allocator keeps what was freed for the next time, for each thread anew. After work that took much of it, a process that runs
/// for weeks would keep it for good, as often as it has threads.
package enum FreeMemory {
  /// Work on more values than that takes much memory: some megabytes.
  private static let largeCount = 10_000

  /// Gives memory that is free back to the system, if the work that is done was large. Takes milliseconds.
  ///
  /// - Parameter count: of the values (tensors, storages) that the work was about.
  package static func giveBack(afterWorkOn count: Int) {
    if count >= largeCount { tantra_release_memory() }
  }
}
