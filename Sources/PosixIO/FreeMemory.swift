import CPosix

/// Memory of this process that nothing uses any more.
///
/// The allocator keeps what was freed for the next time, for each thread anew. After work that took much of it, a process that runs
/// for weeks would keep it for good, as often as it has threads.
package enum FreeMemory {
  /// Work on more values than that takes much memory: some megabytes.
  private static let largeCount = 10_000

  /// What is at least so large is mapped by itself, and no more than that stays free at the end of an arena. Buffers of a request
  /// are smaller: they are used again.
  private static let threshold: CInt = 2 << 20

  /// Makes the allocator give large memory back as soon as it is freed, in all threads from now on.
  ///
  /// By itself it raises its thresholds when large blocks are freed, and then keeps as much, up to 64 MB for each thread. Trimming
  /// does not touch the end of an arena that belongs to a thread.
  package static func giveBackAtOnce() { _ = tantra_return_freed_memory(threshold) }

  /// Gives memory that is free back to the system, if the work that is done was large. Takes milliseconds.
  ///
  /// - Parameter count: of the values (tensors, storages) that the work was about.
  package static func giveBack(afterWorkOn count: Int) {
    if count >= largeCount { tantra_release_memory() }
  }
}
